/** A step of `npm run build`: marks dist/cjs, the client's second copy, as CommonJS. */
import { writeFileSync } from 'node:fs';

writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');

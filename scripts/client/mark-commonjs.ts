/** A step of `npm run build`: tells node that the client's second copy, in dist/cjs, is CommonJS. */
import { writeFileSync } from 'node:fs';

writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');

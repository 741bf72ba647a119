/**
 * A step of `npm run build`: makes Node load dist/cjs, the client's second copy, as CommonJS. The package itself is
 * ESM.
 */
import { writeFileSync } from 'node:fs';

writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');

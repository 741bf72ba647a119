import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { Unusable, reasonOf } from '../../lib/system-errors.ts';

/** The published contract: openapi.yaml as it is, and parsed from the JSON copy that `npm run generate` writes. */
export interface Spec {
  yaml: string;
  document: OpenAPIV3.DocumentV3_1;
}

/** @throws Unusable with the file name */
function readFile<T>(name: string, parse: (text: string) => T): T {
  try {
    // The package's own name resolves to its files from both src/ and dist/.
    const path = createRequire(import.meta.url).resolve(`recoup-tasks/${name}`);
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const problem = reasonOf(error).split('\n', 1).join();
    throw new Unusable(name, `${problem}. Install the package again, or run npm run generate.`, error);
  }
}

/** Reads openapi.yaml and its JSON copy from the installed package. @throws Unusable */
export function loadSpec(): Spec {
  return {
    yaml: readFile('openapi.yaml', String),
    document: readFile('openapi.json', (text) => JSON.parse(text)),
  };
}

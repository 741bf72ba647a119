import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { Unusable, reasonOf } from '../../lib/system-errors.ts';

/** The published spec: the text of openapi.yaml, and its content, parsed from its generated JSON copy. */
export interface Spec {
  yaml: string;
  document: OpenAPIV3.DocumentV3_1;
}

/** Reads and parses a file of the installed package. @throws Unusable, which names the file */
function readFile<T>(name: string, parse: (text: string) => T): T {
  try {
    // The package's own name resolves to the same files from src/ and from dist/.
    const path = createRequire(import.meta.url).resolve(`recoup-tasks/${name}`);
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const problem = reasonOf(error).split('\n', 1).join();
    throw new Unusable(name, `${problem}. Install the package again, or run npm run generate.`, error);
  }
}

/** Reads openapi.yaml and its JSON copy from the installed package. @throws Unusable if a file cannot be read */
export function loadSpec(): Spec {
  return {
    yaml: readFile('openapi.yaml', String),
    document: readFile('openapi.json', (text) => JSON.parse(text)),
  };
}

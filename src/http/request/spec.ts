import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';

/** The published contract: the file as it is, and what it says, by its copy as JSON that `npm run generate` makes. */
export interface Spec {
  yaml: string;
  document: OpenAPIV3.DocumentV3_1;
}

/** Reads the spec by the package's own name, which leads to its files from src/ and from dist/ alike. */
export function loadSpec(): Spec {
  const { resolve } = createRequire(import.meta.url);
  const read = (name: string) => readFileSync(resolve(`recoup-tasks/${name}`), 'utf8');
  return { yaml: read('openapi.yaml'), document: JSON.parse(read('openapi.json')) };
}

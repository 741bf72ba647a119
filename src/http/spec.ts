import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { parse } from 'yaml';

/** The published contract: the file as it is, and what it says. */
export interface Spec {
  yaml: string;
  document: OpenAPIV3.DocumentV3_1;
}

/**
 * Reads openapi.yaml by the package's own name, which leads to it from src/ and from dist/ alike. Whether it is a valid
 * OpenAPI document is checked by the validator when the app is built.
 */
export function loadSpec(): Spec {
  const yaml = readFileSync(createRequire(import.meta.url).resolve('recoup-tasks/openapi.yaml'), 'utf8');
  return { yaml, document: parse(yaml) };
}

import type { IncomingHttpHeaders } from 'node:http';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { loadSpec } from '../../src/http/request/spec.ts';

const ID = 'https://spec.invalid/openapi.yaml';
const JSON_TYPE = 'application/json; charset=utf-8';

const document = loadSpec().document;
const ajv = addFormats.default(new Ajv2020.default({ strict: false }));
ajv.addSchema({ ...document, $id: ID });
const validators = new Map<string, ValidateFunction | undefined>();

const pointer = (key: string) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

/**
 * Returns the validator of a reply's body; undefined if openapi.yaml has no reply with that status for the operation.
 */
function validatorOf(method: string, path: string, status: number): ValidateFunction | undefined {
  const operation = Object.entries(document.paths?.[path] ?? {}).find(
    ([verb]) => verb === method.toLowerCase(),
  );
  // The reply to a request that is not in the spec must be the general error envelope.
  if (!operation) return ajv.compile({ $ref: `${ID}#/components/schemas/ErrorResponse` });
  const responses: Record<string, { $ref?: string }> = Object(operation[1]).responses;
  const response = responses[status];
  if (!response) return undefined;
  const place = response.$ref ?? `#/paths/${pointer(path)}/${operation[0]}/responses/${status}`;
  return ajv.compile({ $ref: `${ID}${place}/content/${pointer('application/json')}/schema` });
}

/** Explains how a reply violates openapi.yaml; undefined if it does not. */
export function problemOf(
  { method, path }: { method: string; path: string },
  { status, headers, text }: { status: number; headers: IncomingHttpHeaders; text: string },
): string | undefined {
  if (headers['x-request-id'] === undefined) return `a ${status} has no x-request-id`;
  if (status === 304) return text === '' ? undefined : 'a 304 has a body';
  const [pathname = ''] = path.split('?');
  const key = `${method} ${pathname} ${status}`;
  if (!validators.has(key)) validators.set(key, validatorOf(method, pathname, status));
  const validate = validators.get(key);
  if (!validate) return `${key} is not in openapi.yaml`;
  if (headers['content-type'] !== JSON_TYPE) return `${key} has the content type ${headers['content-type']}`;
  try {
    const body: unknown = JSON.parse(text);
    return validate(body)
      ? undefined
      : `${key} does not fit openapi.yaml: ${ajv.errorsText(validate.errors)}`;
  } catch {
    return `${key} is not JSON: ${text.slice(0, 200)}`;
  }
}

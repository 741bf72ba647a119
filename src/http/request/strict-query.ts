import { parse as parsePairs } from 'node:querystring';
import type { Request, RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../../lib/errors.ts';
import { expectationOf, parametersOf } from './parameters.ts';

/**
 * Matches plain decimal integers with few enough digits to be exact as doubles. express-openapi-validator also accepts
 * 0x10, 1e1 and " 10". It reads a number of 400 digits as Infinity, and then accepts it despite any maximum.
 */
const PLAIN_INTEGER = /^-?(0|[1-9]\d{0,14})$/;

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    throw new ApiError('malformed_request', `The query string has an invalid percent-encoding: "${text}".`, {
      cause: error,
    });
  }
}

/** Splits a query into decoded names and values, in the order sent. Keeps repeated and empty parameters. */
function parse(query: string): [name: string, value: string][] {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    return equals === -1
      ? [decode(pair), '']
      : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
  });
}

/** @throws ApiError for the first parameter that the validator would ignore, merge or misread */
function check(query: string, document: OpenAPIV3.DocumentV3_1, request: Request): void {
  const parameters = parametersOf(document, 'query', request);
  const seen = new Set<string>();
  for (const [name, value] of parse(query)) {
    const parameter = parameters.get(name);
    if (!parameter) {
      const known = [...parameters.keys()].join(', ') || 'none';
      throw new ApiError(
        'unknown_parameter',
        `Unknown query parameter ${JSON.stringify(name)}. Allowed parameters: ${known}.`,
      );
    }
    const wrong = (what: string) =>
      new ApiError(
        'invalid_parameter',
        `Query parameter "${name}" ${what}; it must be ${expectationOf(document, parameter.schema)}.`,
      );
    const { type, format }: { type?: unknown; format?: unknown } = Object(parameter.schema);
    if (seen.has(name) && type !== 'array') throw wrong('is given more than once');
    if (value === '') throw wrong('is empty');
    if (value.includes('\0')) throw wrong('contains a NUL character');
    if (format === 'date-time' && value.includes(' ')) {
      throw wrong('contains a space (encode "+" as %2B)');
    }
    if (type === 'integer' && !PLAIN_INTEGER.test(value)) throw wrong('is not a plain decimal integer');
    seen.add(name);
  }
}

/**
 * Parses a query for Express. Joins the values of a repeated parameter with commas, the spec's format for arrays.
 * Generated clients that ignore `explode: false` send `status=A&status=B` instead of `status=A,B`.
 */
export function parseQuery(query: string): Record<string, string> {
  const pairs = Object.entries(parsePairs(query, '&', '=', { maxKeys: 0 }));
  return Object.fromEntries(pairs.map(([name, value]) => [name, [value].flat().join(',')]));
}

/**
 * Checks the raw query against the operation's parameters in the spec. The validator only sees the parsed query, which
 * no longer shows broken encodings, repeated parameters and numbers such as 0x10.
 */
export function strictQuery(document: OpenAPIV3.DocumentV3_1): RequestHandler {
  return (request, _response, next) => {
    const start = request.originalUrl.indexOf('?');
    if (start !== -1) {
      check(request.originalUrl.slice(start + 1), document, request);
    }
    next();
  };
}

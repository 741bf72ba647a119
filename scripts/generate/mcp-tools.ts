/**
 * Writes generated/mcp-tools.gen.ts, which contains an MCP tool for each `x-mcp` entry of an operation in
 * openapi.yaml. References in the schemas are resolved, so each is a complete JSON Schema.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  [keyword: string]: unknown;
}

interface Parameter {
  name: string;
  in: 'query' | 'header';
  description: string;
  required?: boolean;
  schema: Schema;
}

/** One entry of `x-mcp`, which describes a tool that calls the operation. */
interface Wording {
  tool: string;
  /** Title of the tool. Default: the operation's summary. */
  title?: string;
  description: string;
  /** Descriptions by argument name. They replace the descriptions in the operation's parameters and body fields. */
  arguments?: Record<string, string>;
  /** Values for arguments that a call omits. */
  defaults?: Record<string, string | number>;
  /** The only query and header parameters of the tool. Every call must pass all of them. */
  required?: string[];
  /** Query and header parameters that the operation has but the tool lacks. Ignored if `required` is set. */
  omit?: string[];
  annotations?: Record<string, boolean>;
}

interface Operation {
  operationId: string;
  summary: string;
  /** Security requirements. Default: those of the whole document. */
  security?: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
  responses: { '200': { content: { 'application/json': { schema: Schema } } } };
  'x-mcp': Wording[];
}

const folder = process.env.GENERATED_FOLDER ?? 'generated';
const document = JSON.parse(readFileSync(join(folder, 'openapi.json'), 'utf8'));

/** Resolves a reference such as #/components/schemas/Task. */
function referred(reference: string): object {
  const names = reference.split('/').slice(1);
  return names.reduce((outer, name) => Object(outer)[name], document);
}

/** Returns a copy with references resolved, and without examples, extensions and formats that only OpenAPI has. */
function plain<Part>(part: Part): Part {
  return JSON.parse(
    JSON.stringify(part, (name, value) => {
      if (/^(examples?$|x-)/.test(name) || (name === 'format' && value === 'int32')) return undefined;
      const { $ref, ...beside } = Object(value);
      return typeof $ref === 'string' ? { ...referred($ref), ...beside } : value;
    }),
  );
}

/**
 * Returns a copy of a result schema without descriptions. Models understand results by field names, and schemas take
 * up context.
 */
function withoutTexts(schema: Schema): Schema {
  return JSON.parse(
    JSON.stringify(schema, (name, value) =>
      name === 'description' && typeof value === 'string' ? undefined : value,
    ),
  );
}

const textOf = (text: string): string => text.trim().replaceAll(/(?<=\S)\n(?=[^\n])/g, ' ');

/** Returns the argument name of a parameter, such as idempotency_key for Idempotency-Key. */
const argumentOf = ({ in: place, name }: Parameter): string =>
  place === 'header' ? name.toLowerCase().replaceAll('-', '_') : name;

function takes({ required, omit = [] }: Wording, { name }: Parameter): boolean {
  return required ? required.includes(name) : !omit.includes(name);
}

function inputSchemaOf(parameters: Parameter[], body: Schema, wording: Wording): Schema {
  const { arguments: texts = {}, defaults = {}, required = [] } = wording;
  const fields = Object.entries(body.properties ?? {});
  const known = parameters.map((one): [string, Schema] => [
    argumentOf(one),
    { ...one.schema, description: one.description },
  ]);
  const properties = [...fields, ...known].map(([name, schema]): [string, Schema] => {
    const description = textOf(texts[name] ?? schema.description ?? '');
    return [name, { ...schema, description, ...(name in defaults && { default: defaults[name] }) }];
  });
  const unknown = Object.keys(texts).filter((name) => !properties.some(([key]) => key === name));
  if (unknown.length > 0)
    throw new Error(
      `x-mcp of ${wording.tool} describes unknown arguments: ${unknown.join(', ')}. Known: ${properties.map(([name]) => name).join(', ')}.`,
    );
  const needed = parameters.filter((one) => one.required).map(argumentOf);
  return {
    ...body,
    type: 'object',
    description: undefined,
    properties: Object.fromEntries(properties),
    required: [...new Set([...(body.required ?? []), ...needed, ...required])],
    additionalProperties: false,
  };
}

function toolsOf(operation: Operation, method: string, path: string) {
  const { operationId, responses, summary, parameters = [], requestBody } = plain(operation);
  const security: Record<string, string[]>[] = operation.security ?? document.security;
  const body = requestBody?.content['application/json'].schema ?? {};
  return operation['x-mcp'].map((wording) => {
    const taken = parameters.filter((one) => takes(wording, one));
    const changes = ['patch', 'delete'].includes(method);
    return {
      operationId,
      method: method.toUpperCase(),
      path,
      right: Object.values(security[0] ?? {}).flat()[0],
      query: taken.filter((one) => one.in === 'query').map(argumentOf),
      headers: Object.fromEntries(
        taken.filter((one) => one.in === 'header').map((one) => [argumentOf(one), one.name]),
      ),
      required: wording.required ?? [],
      defaults: wording.defaults ?? {},
      definition: {
        name: wording.tool,
        title: wording.title ?? summary,
        description: textOf(wording.description),
        inputSchema: inputSchemaOf(taken, body, wording),
        outputSchema: withoutTexts(responses['200'].content['application/json'].schema),
        annotations: {
          readOnlyHint: method === 'get',
          destructiveHint: changes,
          idempotentHint: changes || method === 'get',
          openWorldHint: false,
          ...wording.annotations,
        },
      },
    };
  });
}

const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);
const tools = operations
  .filter(({ operation }) => 'x-mcp' in operation)
  .flatMap(({ path, method, operation }) => toolsOf(operation, method, path));

writeFileSync(
  join(folder, 'mcp-tools.gen.ts'),
  `// Generated from openapi.yaml by npm run generate.

import type { Tool } from '@modelcontextprotocol/server';
import type { Right } from './types.gen.ts';

/** An MCP tool, and the HTTP request that a call of the tool makes. */
export interface McpTool {
  operationId: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** The right that an API key needs to call the tool. */
  right: Right;
  /** Arguments that are query parameters. */
  query: string[];
  /** Arguments that are headers, with their header names. All other arguments are fields of the body. */
  headers: Record<string, string>;
  /** Arguments that the tool requires although the operation does not. */
  required: string[];
  /** Values for arguments that a call omits. */
  defaults: Record<string, string | number>;
  /** The tool as tools/list returns it. */
  definition: Tool;
}

export const apiVersion = ${JSON.stringify(document.info.version)};

export const mcpTools: McpTool[] = ${JSON.stringify(tools, null, 2)};
`,
);

import type { CallToolResult } from '@modelcontextprotocol/server';
import type { McpTool } from '../../generated/mcp-tools.gen.ts';
import { ApiError, type Client, type ErrorResponse, type Task } from '../client/index.ts';
import { explainSchedule } from './explain-schedule.ts';

type Arguments = Record<string, unknown>;

/** A success reply of the API to a tool's request. */
interface Reply {
  tasks?: Task[];
  [field: string]: unknown;
}

/** Thrown for a tool argument that cannot become a part of an API request. The message says what would be right. */
class UnusableArgument extends Error {}

/**
 * Converts the value of an argument to the text of a query parameter.
 * @throws UnusableArgument
 */
function textOf(name: string, value: unknown): string {
  if (['string', 'number', 'boolean', 'bigint'].includes(typeof value)) return String(value);
  const kind = value === null ? 'null' : 'an object or an array';
  throw new UnusableArgument(
    `Argument "${name}" is ${kind}. Send a string, a number or a boolean, or leave it out.`,
  );
}

function queryValueOf(name: string, value: unknown): string | string[] {
  if (!Array.isArray(value)) return textOf(name, value);
  if (value.length === 0)
    throw new UnusableArgument(
      `Argument "${name}" is an empty list. Send at least one item, or leave it out.`,
    );
  return value.map((item) => textOf(name, item));
}

function headerValueOf(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value)) return value;
  throw new UnusableArgument(`Argument "${name}" must be a string of 1 to 255 visible ASCII characters.`);
}

/**
 * Checks what the API does not: that arguments that only the tool requires are present, and that no unknown argument
 * would be left out of the request.
 * @throws UnusableArgument for the first name that is missing or unknown
 */
function checkNames({ definition, query, required }: McpTool, args: Arguments): void {
  const missing = required.find((name) => !Object.hasOwn(args, name));
  if (missing !== undefined) throw new UnusableArgument(`Argument "${missing}" is missing.`);
  const known = Object.keys(definition.inputSchema.properties ?? {});
  const unknown = query.length > 0 && Object.keys(args).find((name) => !known.includes(name));
  if (typeof unknown === 'string') {
    throw new UnusableArgument(
      `Unknown argument ${JSON.stringify(unknown)}. Allowed arguments: ${known.join(', ')}.`,
    );
  }
}

/**
 * Returns the API request for a call of a tool. Arguments become query parameters, headers and body fields.
 * @throws UnusableArgument
 */
function requestOf(tool: McpTool, given: Arguments) {
  checkNames(tool, given);
  const { defaults, headers, method, path, query } = tool;
  const entries = Object.entries({ ...defaults, ...given }).filter(([, value]) => value !== undefined);
  const inQuery = entries.filter(([name]) => query.includes(name));
  const inHeaders = entries.flatMap(([name, value]): [string, string][] => {
    // Check for own properties, because an argument may be named "constructor".
    const header = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return header === undefined ? [] : [[header, headerValueOf(name, value)]];
  });
  const inBody = entries.filter(([name]) => !query.includes(name) && !Object.hasOwn(headers, name));
  return {
    method,
    url: path,
    query: Object.fromEntries(inQuery.map(([name, value]) => [name, queryValueOf(name, value)])),
    headers: {
      ...Object.fromEntries(inHeaders),
      ...(method !== 'GET' && { 'Content-Type': 'application/json' }),
    },
    ...(method !== 'GET' && { body: Object.fromEntries(inBody) }),
  };
}

const text = (content: string): { type: 'text'; text: string } => ({ type: 'text', text: content });

const failed = (...texts: string[]): CallToolResult => ({ isError: true, content: texts.map(text) });

/** Calls a tool. If the API refuses the request, the result has `isError`, and its text is the API's error message. */
export async function callTool(
  client: Client,
  tool: McpTool,
  args: Arguments,
  signal: AbortSignal,
): Promise<CallToolResult> {
  try {
    const request = requestOf(tool, args);
    const { data, error } = await client.request<{ 200: Reply }, { default: ErrorResponse }>({
      ...request,
      signal,
    });
    if (error) return failed(error.error, JSON.stringify({ code: error.code, request_id: error.request_id }));
    const [task] = tool.operationId === 'createTask' ? (data.tasks ?? []) : [];
    const explained = task && (await explainSchedule(client, task, signal));
    return {
      content: [text(JSON.stringify(data)), ...(explained === undefined ? [] : [text(explained)])],
      structuredContent: data,
    };
  } catch (error) {
    if (error instanceof UnusableArgument) return failed(error.message);
    if (error instanceof ApiError) return failed(error.message, JSON.stringify({ code: error.code }));
    // encodeURIComponent throws a URIError if a query parameter contains an unpaired surrogate.
    if (error instanceof URIError)
      return failed('An argument contains an unpaired surrogate, which is not valid Unicode. Remove it.');
    throw error;
  }
}

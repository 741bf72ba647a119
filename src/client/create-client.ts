import {
  type Client,
  type Config,
  createClient as createGeneratedClient,
} from '../../generated/client/index.ts';
import { ApiError, isEnvelope } from './api-error.ts';
import { type RetryPolicy, retryingFetch } from './retrying-fetch.ts';
import { writeJson } from './write-json.ts';

/** Settings of a client, including all options of the generated client. */
export interface ClientSettings extends Config, Partial<RetryPolicy> {
  /** Address of the service. Default: RECOUP_TASKS_URL in the environment; in a browser, the origin of the page. */
  baseUrl?: string;
  /** API key, sent in the header x-api-key. Default: RECOUP_TASKS_API_KEY in the environment, else no key. */
  apiKey?: string;
}

const DEFAULTS: RetryPolicy = { timeoutMs: 60_000, retries: 2 };

/** Returns an environment variable; undefined if it is unset or empty, or if the code runs in a browser. */
function fromEnvironment(name: string): string | undefined {
  return typeof process === 'undefined' ? undefined : process.env[name] || undefined;
}

function baseUrlOf(given: string | undefined): string {
  const baseUrl = given ?? fromEnvironment('RECOUP_TASKS_URL');
  if (baseUrl !== undefined) {
    if (!/^https?:\/\/[^/]/.test(baseUrl)) {
      throw new TypeError(`The base URL "${baseUrl}" must begin with http:// or https:// and a host.`);
    }
    return baseUrl;
  }
  if (typeof location !== 'undefined') return location.origin;
  throw new TypeError(
    "The base URL is missing. Pass createClient({ baseUrl: 'http://127.0.0.1:3000' }), or set RECOUP_TASKS_URL.",
  );
}

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** @param found - what the reply contains instead of the service's JSON, for the error message */
function unexpectedReply({ status, headers }: Response, found: string, cause?: unknown): ApiError {
  const type = headers.get('Content-Type') ?? 'no content type';
  const message = `Unexpected reply: ${found} (status ${status}, ${type}). Is baseUrl the address of the service?`;
  return new ApiError(message, { status, code: 'unexpected_reply', cause });
}

function redirected({ status, headers }: Response, { url }: Request): ApiError {
  const location = headers.get('Location');
  const to = location === null ? '' : ` to ${location}`;
  // Browsers hide the status and location of a redirect.
  const message = `Unexpected reply: ${new URL(url).origin} redirects${to} (status ${status || 'unknown'}). The client does not follow redirects; set baseUrl to the address of the service itself.`;
  return new ApiError(message, { status: status || undefined, code: 'unexpected_reply' });
}

function parsed(text: string, response: Response): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unexpectedReply(response, 'a body that is not valid JSON', cause);
  }
}

/**
 * Checks that the body of a success reply comes from the service: a JSON object whose `status` is a string, but not
 * "error".
 * @throws ApiError with the code unexpected_reply
 */
async function checkData(response: Response): Promise<void> {
  const text = await response.clone().text();
  if (text === '') throw unexpectedReply(response, 'an empty body');
  const body = parsed(text, response);
  if (typeof body !== 'object' || body === null || !('status' in body) || typeof body.status !== 'string') {
    throw unexpectedReply(response, 'a body that is not an object with a status');
  }
  if (body.status === 'error') throw unexpectedReply(response, 'an error with a success status');
}

/**
 * Returns a reply if it is JSON from the service.
 * @throws ApiError if it is a proxy's page, a redirect, a success without data, or a 304. A 304 has neither data nor an
 * error: it means that the ETag in If-None-Match is current.
 */
async function checkReply(response: Response, request: Request): Promise<Response> {
  const { headers, ok, status, type } = response;
  if (status === 304) {
    throw new ApiError('Not modified: the ETag of If-None-Match still matches.', {
      status,
      code: 'not_modified',
    });
  }
  if (type === 'opaqueredirect' || (status >= 300 && status < 400)) throw redirected(response, request);
  if (!JSON_TYPE.test(headers.get('Content-Type') ?? '')) throw unexpectedReply(response, 'not JSON');
  if (ok && request.method !== 'HEAD') await checkData(response);
  return response;
}

/**
 * Creates a client for the functions of this module: `await listTasks({ client, query: { limit: 10 } })`.
 *
 * A call returns `{ data }`, or `{ error }` with the service's error. With `throwOnError: true`, here or in the call,
 * it returns `{ data }` or throws an ApiError. If no valid reply arrives (network error, timeout, a proxy's page), a
 * call always throws an ApiError.
 * @throws TypeError if the address of the service is missing or is not an HTTP URL
 */
export function createClient(settings: ClientSettings = {}): Client {
  const { apiKey = fromEnvironment('RECOUP_TASKS_API_KEY'), timeoutMs, retries, ...given } = settings;
  // Do not follow redirects: the service sends none, and fetch would send the key to the redirect's target.
  const { redirect = 'manual', parseAs = 'json', bodySerializer = writeJson, ...config } = given;
  const send = config.fetch ?? ((input, init) => fetch(input, init));
  const patience = { timeoutMs: timeoutMs ?? DEFAULTS.timeoutMs, retries: retries ?? DEFAULTS.retries };
  const client = createGeneratedClient({
    ...config,
    redirect,
    parseAs,
    bodySerializer,
    baseUrl: baseUrlOf(config.baseUrl),
    fetch: retryingFetch(send, patience),
  });
  if (apiKey !== undefined) {
    client.interceptors.request.use((request) => {
      // Do not send x-api-key besides Authorization: the service rejects requests with both credentials.
      if (!request.headers.has('Authorization')) request.headers.set('x-api-key', apiKey);
      return request;
    });
  }
  client.interceptors.response.use(checkReply);
  client.interceptors.error.use((error, response, _request, options) => {
    // If the call failed before a reply arrived, `response` is undefined, despite hey-api's type. `error` may then be
    // any value, because a caller may abort with any reason.
    if (response === undefined) throw error;
    if (!isEnvelope(error)) throw unexpectedReply(response, "not the service's error");
    if (!options.throwOnError) return error;
    return new ApiError(error.error, {
      status: response.status,
      code: error.code,
      requestId: error.request_id,
    });
  });
  return client;
}

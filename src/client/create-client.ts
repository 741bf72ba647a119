import {
  type Client,
  type Config,
  createClient as createGeneratedClient,
} from '../../generated/client/index.ts';
import { ApiError, isEnvelope } from './api-error.ts';
import { type Patience, patientFetch } from './patient-fetch.ts';

/** What a client is made of; everything else that the generated client takes may be given too. */
export interface ClientSettings extends Config, Partial<Patience> {
  /** Where the service is. By default RECOUP_TASKS_URL of the environment, in a browser the page's own origin. */
  baseUrl?: string;
  /** The key sent as x-api-key. By default RECOUP_TASKS_API_KEY of the environment, or none. */
  apiKey?: string;
}

const DEFAULTS: Patience = { timeoutMs: 60_000, retries: 2 };

/** The environment, where there is one: not in a browser. */
function fromEnvironment(name: string): string | undefined {
  return typeof process === 'undefined' ? undefined : process.env[name] || undefined;
}

function baseUrlOf(given: string | undefined): string {
  const baseUrl = given ?? fromEnvironment('RECOUP_TASKS_URL');
  if (baseUrl !== undefined) {
    if (!/^https?:\/\/[^/]/.test(baseUrl)) {
      throw new TypeError(`The base URL "${baseUrl}" does not begin with http:// or https:// and a host.`);
    }
    return baseUrl;
  }
  if (typeof location !== 'undefined') return location.origin;
  throw new TypeError(
    "Where is the service? Say createClient({ baseUrl: 'http://127.0.0.1:3000' }), or set RECOUP_TASKS_URL.",
  );
}

function unexpectedReply({ status, headers }: Response): ApiError {
  const type = headers.get('Content-Type') ?? 'no content type';
  const message = `Something else than the service replied: status ${status}, ${type}.`;
  return new ApiError(message, { status, code: 'unexpected_reply' });
}

/**
 * Refuses a reply that is not the service's, such as the page of a proxy, before it is taken for data; and one that has
 * neither data nor an error, because the caller sent If-None-Match and nothing is new.
 */
function expectJson(response: Response): Response {
  if (response.status === 304) {
    throw new ApiError('What If-None-Match names is still what there is.', {
      status: 304,
      code: 'not_modified',
    });
  }
  if (/^application\/json\b/i.test(response.headers.get('Content-Type') ?? '')) return response;
  throw unexpectedReply(response);
}

/**
 * A client of the service, for the functions of this module: `await listTasks({ client, query: { limit: 10 } })`.
 *
 * A call gives `{ data }`, or `{ error }` with what the service said; with `throwOnError: true`, here or in the call, it
 * gives `{ data }` or throws an ApiError. Where no reply of the service came (network, timeout, a proxy's page), there is
 * nothing it said, and an ApiError is thrown in any case.
 * @throws TypeError where nothing says where the service is
 */
export function createClient(settings: ClientSettings = {}): Client {
  const { apiKey = fromEnvironment('RECOUP_TASKS_API_KEY'), timeoutMs, retries, ...config } = settings;
  const send = config.fetch ?? ((input, init) => fetch(input, init));
  const patience = { timeoutMs: timeoutMs ?? DEFAULTS.timeoutMs, retries: retries ?? DEFAULTS.retries };
  const client = createGeneratedClient({
    // The service never redirects, and fetch would carry the key along to wherever a redirect leads.
    redirect: 'error',
    ...config,
    baseUrl: baseUrlOf(config.baseUrl),
    fetch: patientFetch(send, patience),
  });
  if (apiKey !== undefined) {
    client.interceptors.request.use((request) => {
      // Exactly one of the two.
      if (!request.headers.has('Authorization')) request.headers.set('x-api-key', apiKey);
      return request;
    });
  }
  client.interceptors.response.use(expectJson);
  client.interceptors.error.use((error, response, _request, options) => {
    // There is none where the call failed before, whatever hey-api's type says; a caller may abort with any value.
    if (response === undefined) throw error;
    if (!isEnvelope(error)) throw unexpectedReply(response);
    if (!options.throwOnError) return error;
    return new ApiError(error.error, {
      status: response.status,
      code: error.code,
      requestId: error.request_id,
    });
  });
  return client;
}

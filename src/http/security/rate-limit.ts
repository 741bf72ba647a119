import { isIPv4 } from 'node:net';
import type { Request, RequestHandler } from 'express';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ApiError } from '../../lib/errors.ts';
import { retryAfterSeconds } from '../../lib/retry-after.ts';
import { isTrusted, keyOf } from './credentials.ts';
import { isCounted } from '../server/in-memory-fetch.ts';

/** Maximum requests per minute; 0 means no limit. */
export interface RateLimits {
  perKey: number;
  /** Counted per IPv4 address or per IPv6 network. */
  perAddress: number;
}

const WINDOW_SECONDS = 60;

/** Maximum number of keys or addresses to count requests for. Beyond that, the least recently seen is forgotten. */
const MAX_CALLERS = 20_000;

/**
 * Number of leading bytes that identify the network of an IPv6 address. Internet customers usually get a /56 or /48.
 */
const IPV6_NETWORK_BYTES = 7;

/**
 * Counts requests per minute for each key or address. Keeps a bounded number of counts, because rate-limiter-flexible
 * alone would keep any number.
 */
export class RequestCounter {
  readonly #counts: RateLimiterMemory;
  readonly #callers: LRUCache<string, true>;

  constructor(limit: number, maxCallers = MAX_CALLERS) {
    this.#callers = new LRUCache({
      max: maxCallers,
      dispose: (_value, caller) => void this.#counts.delete(caller),
    });
    this.#counts = new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS, keyPrefix: '' });
  }

  async count(caller: string): Promise<RateLimiterRes> {
    if (!this.#callers.get(caller)) this.#callers.set(caller, true);
    try {
      return await this.#counts.consume(caller);
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return refused;
      throw refused;
    }
  }
}

/**
 * Returns a middleware that counts requests per key or address, reports the quota in the headers RateLimit and
 * RateLimit-Policy, and refuses requests above the limit.
 * @param limit - maximum number of requests per minute; 0 means no limit
 * @param callerOf - returns the key or address to count a request for; undefined if the request is not counted
 */
function policy(
  name: 'key' | 'address',
  limit: number,
  callerOf: (request: Request) => string | undefined,
): RequestHandler {
  if (limit === 0) return (_request, _response, next) => next();
  const counter = new RequestCounter(limit);
  const source = { key: 'with this key', address: 'from this address' }[name];
  return async (request, response, next) => {
    const caller = isCounted(request) ? undefined : callerOf(request);
    if (caller === undefined) return next();
    const { consumedPoints, remainingPoints, msBeforeNext } = await counter.count(caller);
    const seconds = Math.max(1, Math.ceil(msBeforeNext / 1_000));
    response.append('RateLimit', `"${name}"; r=${remainingPoints}; t=${seconds}`);
    response.append('RateLimit-Policy', `"${name}"; q=${limit}; w=${WINDOW_SECONDS}`);
    if (consumedPoints <= limit) return next();
    // Vary the delay. Otherwise clients refused together would retry together and use up the next quota at once.
    const retryAfter = retryAfterSeconds(seconds);
    throw new ApiError(
      'rate_limited',
      `Rate limit exceeded: ${limit} requests per minute ${source}. Try again in ${retryAfter} seconds.`,
      { headers: { 'Retry-After': String(retryAfter) } },
    );
  };
}

/**
 * Returns the text by which the requests of an address are counted: an IPv4 address itself, or the network of an IPv6
 * address, because one client may use all addresses of its network.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  // A trusted proxy may report a text that is not an address, such as "unknown". Count all such texts as one address.
  if (!ipaddr.isValid(address)) return 'no address';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return Buffer.from(parsed.toByteArray().slice(0, IPV6_NETWORK_BYTES)).toString('hex');
}

/** Limits requests per address. Runs before the API key is checked, so that attempts to guess keys count too. */
export function limitAddresses({ perAddress }: RateLimits): RequestHandler {
  return policy('address', perAddress, (request) =>
    isTrusted(request) ? undefined : networkOf(request.ip ?? ''),
  );
}

export function limitKeys({ perKey }: RateLimits): RequestHandler {
  return policy('key', perKey, (request) => keyOf(request)?._id);
}

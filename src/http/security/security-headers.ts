import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';

const YEAR_SECONDS = 31_536_000;

/**
 * Returns the headers that helmet sets. They are always the same, and calling helmet for each request costs five times
 * as much.
 */
function headersOf(options: HelmetOptions): [name: string, value: string][] {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  helmet(options)(response.req, response, () => {});
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
}

const hsts = helmet.strictTransportSecurity({ maxAge: YEAR_SECONDS, includeSubDomains: false });

/** Headers for data: browsers must not sniff, execute or frame a reply. */
export const API_HEADERS = headersOf({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: 'deny' },
  // strictTransport applies only to TLS requests. The others concern pages, which docs.ts serves.
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

/** Returns the headers for a page that loads nothing from elsewhere. */
const pageHeadersOf = (imgSrc: string[], more: Record<string, string[]> = {}) =>
  headersOf({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc,
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        ...more,
      },
    },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: false,
  });

/** Headers for /docs. Swagger UI's icons are data: URLs. */
const DOCS_HEADERS = pageHeadersOf(["'self'", 'data:']);

/** Headers for the page at /, which never inserts text as HTML. */
const PAGE_HEADERS = pageHeadersOf(["'self'"], {
  requireTrustedTypesFor: ["'script'"],
  trustedTypes: ["'none'"],
});

const setting =
  (headers: [name: string, value: string][]): RequestHandler =>
  (_request, response, next) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  };

/** Sets the headers of the docs page and its files. */
export const docsHeaders = setting(DOCS_HEADERS);

/** Sets the headers of the page at / and its parts. */
export const pageHeaders = setting(PAGE_HEADERS);

/** Sets the headers of all other replies. */
export const apiHeaders = setting(API_HEADERS);

/**
 * Sets Strict-Transport-Security on replies to TLS requests; over plain HTTP browsers ignore it. The service itself
 * speaks plain HTTP, so a trusted proxy reports TLS by X-Forwarded-Proto.
 */
export const strictTransport: RequestHandler = (request: Request, response, next) => {
  if (request.secure) hsts(request, response, next);
  else next();
};

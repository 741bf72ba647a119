import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';

const YEAR_SECONDS = 31_536_000;

/**
 * Returns the headers that helmet sets for these options. They are the same for every request, and calling helmet for
 * each request costs five times as much.
 */
function headersOf(options: HelmetOptions): [name: string, value: string][] {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  helmet(options)(response.req, response, () => {});
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
}

const hsts = helmet.strictTransportSecurity({ maxAge: YEAR_SECONDS, includeSubDomains: false });

/** Headers of replies that are not pages. They tell browsers not to sniff, execute or frame a reply. */
export const API_HEADERS = headersOf({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: 'deny' },
  // strictTransport sets this header, but only on TLS requests. The headers after it are of use to pages only.
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

/** Returns the headers of a page that loads its resources from this service only. */
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

/** Headers of /docs. Swagger UI's icons are data: URLs. */
const DOCS_HEADERS = pageHeadersOf(["'self'", 'data:']);

/** Headers of the page at /. They forbid scripts to insert text as HTML, which this page never does. */
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

export const docsHeaders = setting(DOCS_HEADERS);

export const pageHeaders = setting(PAGE_HEADERS);

/** Sets the headers of every reply. Pages then override some of them with their own. */
export const apiHeaders = setting(API_HEADERS);

/**
 * Sets Strict-Transport-Security on replies to TLS requests, because browsers ignore it over plain HTTP. The service
 * itself speaks plain HTTP, so a request counts as TLS if a trusted proxy reports that by X-Forwarded-Proto.
 */
export const strictTransport: RequestHandler = (request: Request, response, next) => {
  if (request.secure) hsts(request, response, next);
  else next();
};

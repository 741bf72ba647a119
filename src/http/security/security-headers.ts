import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';

const YEAR_SECONDS = 31_536_000;

/** What helmet sets, which is the same each time; asked for each request, it costs five times as much. */
function learn(options: HelmetOptions): [name: string, value: string][] {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  helmet(options)(response.req, response, () => {});
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
}

const hsts = helmet.strictTransportSecurity({ maxAge: YEAR_SECONDS, includeSubDomains: false });

/** For data: whatever a reply is taken for, it runs and loads nothing, and no page may show it. */
export const API_HEADERS = learn({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: 'deny' },
  // strictTransport is for those who came by TLS. The rest is about pages, which docs.ts serves.
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

/** The page at /docs runs and shows what this service sends it, and nothing else. Swagger UI's icons are data: URLs. */
const DOCS_HEADERS = learn({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: false,
});

/** The page at / runs and shows what this service sends it, and nothing else. It makes no markup from text. */
const PAGE_HEADERS = learn({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
      trustedTypes: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: false,
});

const setting =
  (headers: [name: string, value: string][]): RequestHandler =>
  (_request, response, next) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  };

/** Sets the headers of the docs page and its parts. */
export const docsHeaders = setting(DOCS_HEADERS);

/** Sets the headers of the page at / and its parts. */
export const pageHeaders = setting(PAGE_HEADERS);

/** Sets the headers of all other replies. */
export const apiHeaders = setting(API_HEADERS);

/**
 * Has browsers come by TLS alone from now on, where they did: the service itself speaks plain HTTP, and a trusted proxy
 * tells (X-Forwarded-Proto). Over plain HTTP they would ignore it.
 */
export const strictTransport: RequestHandler = (request: Request, response, next) => {
  if (request.secure) hsts(request, response, next);
  else next();
};

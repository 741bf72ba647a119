import type { RequestHandler } from 'express';

/** Tells caches not to store the reply. */
export const notStored: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};

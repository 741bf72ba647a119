import type { RequestHandler } from 'express';

/** Keeps a reply out of every cache. */
export const notStored: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};

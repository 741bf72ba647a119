import type { RequestHandler } from 'express';

/** Forbids caches to store the reply. */
export const notStored: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};

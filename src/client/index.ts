/** Entry point `recoup-tasks/client` of the package. Exports the client and nothing of the server. */
export * from '../../generated/index.ts';
export type { Client } from '../../generated/client/index.ts';
export { ApiError, type NoReplyCode } from './api-error.ts';
export { type ClientSettings, createClient } from './create-client.ts';
export { pagesOf } from './pages.ts';

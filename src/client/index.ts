/** The package's entry point `recoup-tasks/client`: what programs that call the service import, and nothing of the server. */
export * from '../../generated/index.ts';
export type { Client } from '../../generated/client/index.ts';
export { ApiError, type NoReplyCode } from './api-error.ts';
export { type ClientSettings, createClient } from './create-client.ts';
export { pagesOf } from './pages.ts';

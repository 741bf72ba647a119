// A module of its own, so that the optional package is loaded only with this engine (see scripts/build/bundle.ts).
export { ApiClient, ApiError, ApiSchemaValidationError } from '@trigger.dev/core/v3';

// This is a separate module, so that only this engine loads the optional package (see scripts/build/bundle.ts).
export { ApiClient, ApiError, ApiSchemaValidationError } from '@trigger.dev/core/v3';

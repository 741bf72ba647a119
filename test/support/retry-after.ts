/** `Retry-After` of an error that is likely to pass within seconds; the service varies it. */
export const SOON = /^[123]$/;

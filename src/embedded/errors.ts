/** An error as MongoDB reports it: a code and a message for the client. */
export class CommandError extends Error {
  readonly code: number;
  /** Additional fields of the reply or write error, e.g. keyPattern and keyValue. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: number, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.details = details;
  }
}

/** Returns an error with code 2 for a feature that MongoDB has and this engine lacks. `what` starts the message. */
export function unsupported(what: string): CommandError {
  return badValue(`${what} is not supported by the embedded engine; set MONGODB_URI to use a MongoDB server`);
}

/** Returns MongoDB's error BadValue, with code 2. */
export function badValue(message: string): CommandError {
  return new CommandError(2, message);
}

/** Returns MongoDB's error FailedToParse, with code 9. */
export function failedToParse(message: string): CommandError {
  return new CommandError(9, message);
}

/** Returns MongoDB's error TypeMismatch, with code 14. */
export function typeMismatch(message: string): CommandError {
  return new CommandError(14, message);
}

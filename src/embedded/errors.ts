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

/** Returns an error (2) for a feature that MongoDB has and this engine lacks. */
export function unsupported(what: string): CommandError {
  return badValue(`${what} is not supported by the embedded engine; set MONGODB_URI to use a MongoDB server`);
}

/** MongoDB's BadValue (2). */
export function badValue(message: string): CommandError {
  return new CommandError(2, message);
}

/** MongoDB's FailedToParse (9). */
export function failedToParse(message: string): CommandError {
  return new CommandError(9, message);
}

/** MongoDB's TypeMismatch (14). */
export function typeMismatch(message: string): CommandError {
  return new CommandError(14, message);
}

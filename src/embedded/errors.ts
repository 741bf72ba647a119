/** A failure as MongoDB reports it: its code and a message the client shows. */
export class CommandError extends Error {
  readonly code: number;
  /** Further fields of the reply or write error, such as keyPattern and keyValue. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: number, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.details = details;
  }
}

/** An error (2) for something MongoDB can do and this engine does not; `what` names it. */
export function unsupported(what: string): CommandError {
  return badValue(`${what} is not supported by the embedded engine; set MONGODB_URI to use a real MongoDB`);
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

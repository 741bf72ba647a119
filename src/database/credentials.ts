const HIDDEN = '***';

/**
 * Removes a connection string's password, and pieces of it, from a message. A password with unencoded special
 * characters makes the driver split the string in the wrong places. The driver's errors may then contain a piece of the
 * password, e.g. as a host.
 */
export function withoutCredentials(message: string, uri: string | undefined): string {
  const [, user = ''] = /^[^:]*:\/\/(.*)@/s.exec(uri ?? '') ?? [];
  const password = user.slice(user.indexOf(':') + 1);
  if (!user.includes(':') || password === '') return message;
  const pieces = [password, ...password.split(/[:@/?#[\],]/)].flatMap((piece) => [piece, decoded(piece)]);
  return pieces
    .filter((piece) => piece.length > 2 || piece === password)
    .toSorted((left, right) => right.length - left.length)
    .reduce((hidden, piece) => hidden.replaceAll(piece, HIDDEN), message);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

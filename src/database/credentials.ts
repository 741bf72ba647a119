const HIDDEN = '***';

/**
 * Removes the password of a connection string from a message, whole or in pieces. If a password contains characters
 * that should have been encoded, the driver splits it in the wrong places, and an error may contain a piece, e.g. as a
 * host.
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

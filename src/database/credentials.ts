const HIDDEN = '***';

/**
 * A message without the password of a connection string, whole or in pieces: a password with characters that should
 * have been encoded is taken apart in the wrong places, and an error may name a piece, as a host for instance.
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

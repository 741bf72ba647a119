/** Rewrites an Ajv message: "must NOT have fewer than 1 characters" becomes "must have at least 1 character". */
export function plainWords(message: string): string {
  const limit = /^must NOT have (fewer|more) than (\d+) (item|character)s$/.exec(message);
  if (limit) {
    const [, which, number, thing] = limit;
    return `must have at ${which === 'more' ? 'most' : 'least'} ${number} ${thing}${number === '1' ? '' : 's'}`;
  }
  // For several types, Ajv writes "must be object,null".
  return /^must be [a-z]+(,[a-z]+)+$/.test(message) ? message.replaceAll(',', ' or ') : message;
}

const BOXED = new Set(['[object Number]', '[object String]', '[object Boolean]']);
const tagOf = (value: unknown): string => Object.prototype.toString.call(value);

/** Returns the result of `toJSON` for an object that has it, such as a Date; returns other values unchanged. */
function converted(value: unknown, key: string): unknown {
  return typeof value === 'object' &&
    value !== null &&
    'toJSON' in value &&
    typeof value.toJSON === 'function'
    ? value.toJSON(key)
    : value;
}

function write(value: unknown, ancestors: object[]): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (tagOf(value) === '[object BigInt]') return String(value);
  if (BOXED.has(tagOf(value))) return JSON.stringify(value);
  if (ancestors.includes(value)) throw new TypeError('The request body contains a circular reference.');
  const path = [...ancestors, value];
  if (Array.isArray(value)) {
    // Array.from visits the holes of a sparse array, which map() would skip.
    const items = Array.from(value, (item, index) => write(converted(item, String(index)), path) ?? 'null');
    return `[${items.join(',')}]`;
  }
  const members = Object.entries(value).flatMap(([key, item]) => {
    const text = write(converted(item, key), path);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

/**
 * Serializes like `JSON.stringify`, but writes a BigInt as a number with all its digits. JSON.stringify throws on a
 * BigInt, and a replacer could only return a string or a rounded number.
 */
export function writeJson(value: unknown): string | undefined {
  return write(converted(value, ''), []);
}

import { CommandError, badValue, reasonOf } from './errors.ts';
import { type RawValue, TYPE, textOf } from './raw-bson.ts';

/**
 * The JavaScript form of a BSON regex, or of a $regex string with its options (i, m, s, u).
 * @throws CommandError 51091 for patterns JavaScript does not have, 2 for options
 */
export function regexOf(value: RawValue, options: string | undefined): RegExp {
  const [pattern, ownOptions] = partsOf(value);
  const flags = options ?? ownOptions;
  if (/[^imsu]/.test(flags)) {
    throw new CommandError(
      51108,
      `the regular expression options '${flags}' are not supported by the embedded engine`,
    );
  }
  try {
    return new RegExp(pattern, `${[...new Set(flags)].filter((flag) => flag !== 'u').join('')}u`);
  } catch (error) {
    throw new CommandError(
      51091,
      `Regular expression is invalid or not supported by the embedded engine: ${reasonOf(error)}`,
    );
  }
}

/** Pattern and options of a BSON regex or a string. */
export function partsOf(value: RawValue): [pattern: string, options: string] {
  if (value.type === TYPE.string) return [textOf(value), ''];
  if (value.type !== TYPE.regex) throw badValue('$regex has to be a string');
  const split = value.bytes.indexOf(0, value.start);
  return [
    value.bytes.toString('utf8', value.start, split),
    value.bytes.toString('utf8', split + 1, value.end - 1),
  ];
}

import { isIP, isIPv4 } from 'node:net';
import { EnvError, makeValidator } from 'envalid';

/** The number of proxies in front of the service, or the addresses and networks of these proxies. */
export type TrustProxy = number | string[];

export const host = makeValidator<string>((value) => {
  if (/^[\w.:%-]{1,253}$/.test(value)) return value;
  throw new EnvError(`"${value}" is not an address to listen on, such as 127.0.0.1, 0.0.0.0 or ::1`);
});

export const port = makeValidator<number>((value) => {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new EnvError(`"${value}" is not a valid port; use 1 to 65535, or 0 for any free port`);
});

export const days = makeValidator<number>((value) => {
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  throw new EnvError(`"${value}" is not a valid number of days; use digits only, 1 to 99999`);
});

export const megabytes = makeValidator<number>((value) => {
  if (/^\d{1,5}$/.test(value)) return Number(value);
  throw new EnvError(`"${value}" is not a valid number of megabytes; use digits only, 0 to 99999`);
});

export const perMinute = makeValidator<number>((value) => {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new EnvError(
    `"${value}" is not a valid number of requests a minute; use digits only, 0 for no limit`,
  );
});

/** Accepts an integer from `least` to `most`, inclusive. */
export const wholeNumber = (least: number, most: number) =>
  makeValidator<number>((value) => {
    const number = /^(0|[1-9]\d{0,9})$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new EnvError(`"${value}" is not a whole number from ${least} to ${most}, digits only`);
  });

/** Whether a text is an IP address or a network in CIDR notation. False for the whole internet, such as 0.0.0.0/0. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128));
}

/**
 * Whether a text is an origin in the form that browsers send: `https://host`, with the port unless it is the default.
 */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

export const origins = makeValidator<string[]>((value) => {
  const texts = value.split(',').map((text) => text.trim());
  if (texts.every(isOrigin)) return texts;
  throw new EnvError(
    `"${value}" is not a list of origins, separated by commas, such as https://tasks.example,http://localhost:5173 (no *, no path)`,
  );
});

export const trustProxy = makeValidator<TrustProxy>((value) => {
  if (/^[1-9]$/.test(value)) return Number(value);
  const networks = value.split(',').map((text) => text.trim());
  if (networks.every(isNetwork)) return networks;
  throw new EnvError(
    `"${value}" is not a valid value; use the number of proxies, 1 to 9, or their addresses or networks such as 10.0.0.0/8, separated by commas`,
  );
});

/** A host name, address or socket path, with an optional port. */
const SERVER = String.raw`(\[[\da-fA-F:.%]+\]|[^\s:/?#@,[\]]+)(:\d{1,5})?`;
const MONGODB_URI = new RegExp(String.raw`^mongodb(\+srv)?://([^\s/?#@]*@)?${SERVER}(,${SERVER})*([/?]|$)`);

export const mongodbUri = makeValidator<string>((value) => {
  if (MONGODB_URI.test(value)) return value;
  // Do not repeat the value, because it may contain a password.
  throw new EnvError(
    'must be a connection string such as mongodb://user:password@host:27017/name, with special characters of the password percent-encoded',
  );
});

export const databaseName = makeValidator<string>((value) => {
  if (/^[^\s/\\."$*<>:|?\0]{1,63}$/.test(value)) return value;
  throw new EnvError(
    `"${value}" is not a valid database name; use 1-63 characters, without spaces or any of these: / \\ . " $ * < > : | ?`,
  );
});

export const filled = makeValidator<string>((value) => {
  if (value.trim() !== '' && !value.includes('\0')) return value;
  throw new EnvError('must not be empty or contain NUL characters');
});

/** Accepts a secret that can be sent in a header. Error messages do not repeat the secret. */
export const secret = makeValidator<string>((value) => {
  if (/^[\x21-\x7e]+$/.test(value)) return value;
  throw new EnvError('must consist of ASCII characters without spaces');
});

/** Accepts a Standard Webhooks secret. Error messages do not repeat the secret. */
export const webhookSecret = makeValidator<string>((value) => {
  const [, encoded = ''] = /^whsec_([A-Za-z\d+/]+={0,2})$/.exec(value) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === encoded) return value;
  throw new EnvError(
    'must be whsec_ followed by 24 to 64 bytes in base64; create one: echo "whsec_$(openssl rand -base64 32)"',
  );
});

/** Accepts an http or https URL without credentials. Errors do not repeat the value, which may contain a password. */
export const httpUrl = makeValidator<string>((value) => {
  if (/^https?:\/\/[^@\s#]+$/.test(value) && URL.canParse(value)) return value;
  throw new EnvError('must be a URL such as https://agent.example/runs, without user, password or fragment');
});

export const names = makeValidator<string[]>((value) => {
  const texts = value.split(',').map((text) => text.trim());
  if (texts.every((text) => /^[A-Za-z_]\w*$/.test(text))) return texts;
  throw new EnvError(
    `"${value}" is not a list of variable names, separated by commas, such as API_KEY,HTTPS_PROXY`,
  );
});

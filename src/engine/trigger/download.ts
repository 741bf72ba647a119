import { Beginning, MAX_OUTPUT_BYTES, outputOf } from '../executors/output.ts';
import type { Clock } from '../port.ts';
import { storable } from './reports.ts';

const TIME_LIMIT_MS = 15_000;
/** Maximum size of a download: more than the largest payload or output that Trigger.dev's cloud accepts. */
const MAX_BYTES = 16_777_216;
const RETRYABLE = new Set([408, 425, 429]);

/** Returns what a run stores in place of a payload or an output that cannot be downloaded. */
export const missing = (what: string, reason: string) => ({
  text: '',
  truncated: true,
  note: `The ${what} could not be downloaded from Trigger.dev: ${reason}.`,
});

/** Parses a downloaded file by its content type: text, JSON, or super JSON, whose field `json` holds the value. */
function valueOf(file: Beginning, contentType: string, what: string): unknown {
  const isWhole = file.total <= MAX_OUTPUT_BYTES;
  if (isWhole && contentType.startsWith('text/plain')) return storable(file.bytes.toString(), what);
  const value = outputOf(file, what);
  if (!isWhole || !contentType.startsWith('application/super+json')) return value;
  return typeof value === 'object' && value !== null && 'json' in value ? value.json : value;
}

/**
 * Downloads a payload or an output from a presigned URL, without following redirects. Returns the value that a run
 * stores: the content, or a note on why the download cannot succeed.
 * @throws if a retry may succeed
 */
export async function download(
  address: string,
  what: string,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<unknown> {
  if (!/^https?:/i.test(address)) return missing(what, 'its URL is not an HTTP URL');
  const late = new AbortController();
  const timeOut = () => late.abort(new Error(`no complete reply within ${TIME_LIMIT_MS / 1_000} seconds`));
  const cancelTimer = clock.setTimeout(timeOut, TIME_LIMIT_MS);
  try {
    const response = await fetch(address, {
      redirect: 'manual',
      signal: AbortSignal.any([signal, late.signal]),
    });
    const { status, ok, headers, body } = response;
    if (status >= 500 || RETRYABLE.has(status)) throw new Error(`the storage replied with ${status}`);
    if (!ok) {
      await body?.cancel();
      return missing(what, `the storage replied with ${status}`);
    }
    const file = new Beginning(MAX_OUTPUT_BYTES);
    for await (const chunk of body ?? []) {
      file.add(Buffer.from(chunk));
      if (file.total > MAX_BYTES)
        return missing(what, `it has more than ${MAX_BYTES.toLocaleString('en')} bytes`);
    }
    return valueOf(file, headers.get('content-type') ?? '', what);
  } finally {
    cancelTimer();
  }
}

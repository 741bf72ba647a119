/**
 * npm run bench: one full listing of the configured database, by the built service in a process of its own, as a client
 * over HTTP sees it. Prints the size, the time to the first byte and to the last, and what the process grew by.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';

const SAMPLE_EVERY_MS = 20;
const LISTINGS = 2;
const MEBIBYTE = 1_048_576;

/**
 * Resident memory of a process in MiB, where the system tells it as Linux does: its own, and what it has mapped of files,
 * which is the system's file cache and is given back when anything else needs it.
 */
function residentMebibytes(pid: number): { own: number; files: number } | undefined {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  const status = readFileSync(path, 'utf8');
  const kilobytes = (name: string) =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN);
  return { own: Math.round(kilobytes('RssAnon') / 1024), files: Math.round(kilobytes('RssFile') / 1024) };
}

async function startService() {
  const child = spawn(process.execPath, ['dist/src/main.js'], {
    env: { ...process.env, PORT: '0', LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let log = '';
  for await (const chunk of child.stdout) {
    log += chunk;
    const url = /"msg":"listening"/.test(log) && /"url":"([^"]+)"/.exec(log)?.[1];
    if (url) return { child, pid: child.pid ?? 0, url };
  }
  throw new Error('The service did not start.');
}

async function list(url: string) {
  const startedAt = performance.now();
  const request = get(`${url}/api/tasks`);
  const [response] = await once(request, 'response');
  let bytes = 0;
  let firstByteMs: number | undefined;
  for await (const chunk of response) {
    firstByteMs ??= performance.now() - startedAt;
    bytes += chunk.length;
  }
  return {
    firstByteMs: Math.round(firstByteMs ?? 0),
    totalMs: Math.round(performance.now() - startedAt),
    bytes,
  };
}

const { child, pid, url } = await startService();
try {
  for (let round = 1; round <= LISTINGS; round += 1) {
    const idle = residentMebibytes(pid);
    const peak = idle && { ...idle };
    const sampling = setInterval(() => {
      const now = residentMebibytes(pid);
      if (!now || !peak) return;
      peak.own = Math.max(peak.own, now.own);
      peak.files = Math.max(peak.files, now.files);
    }, SAMPLE_EVERY_MS);
    const { firstByteMs, totalMs, bytes } = await list(url);
    clearInterval(sampling);
    const memory =
      idle && peak
        ? `own memory ${idle.own} MiB idle, ${peak.own} MiB at most; mapped files ${idle.files} MiB idle, ${peak.files} MiB at most`
        : 'memory not known on this system';
    process.stdout.write(
      `listing ${round}: ${(bytes / MEBIBYTE).toFixed(1)} MiB, first byte ${firstByteMs} ms, all ${totalMs} ms; ${memory}\n`,
    );
  }
} finally {
  child.kill();
  await once(child, 'close');
}

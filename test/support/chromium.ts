import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A browser that is installed: CHROMIUM_PATH, or one of the usual names in PATH. Says on stderr what is skipped without. */
export function findChromium(skipped: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = [
    process.env.CHROMIUM_PATH ?? '',
    ...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))),
  ];
  const found = candidates.find((path) => path !== '' && isExecutable(path));
  if (!found) process.stderr.write(`No Chromium in PATH or at CHROMIUM_PATH: ${skipped} are skipped.\n`);
  return found;
}

/** Starts a browser. Chromium's sandbox refuses to run as root, which containers use. */
export function launchChromium(executablePath = ''): Promise<Browser> {
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}

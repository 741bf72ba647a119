const NAME = 'recoup-tasks-key';

/** Returns the API key that the tab or the browser keeps. */
export function keptKey(): string | undefined {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? undefined;
}

/** Forgets the API key. */
export function forgetKey(): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
}

/**
 * Keeps the API key.
 * @param inBrowser whether the key survives closing the tab
 */
export function keepKey(key: string, inBrowser: boolean): void {
  forgetKey();
  (inBrowser ? localStorage : sessionStorage).setItem(NAME, key);
}

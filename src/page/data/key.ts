const NAME = 'recoup-tasks-key';

/** Returns the API key that the tab or the browser keeps. */
export function keptKey(): string | undefined {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? undefined;
}

/** Forgets the API key and all that was read with it. */
export function signOut(): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  location.reload();
}

/**
 * Keeps an API key, and starts the page again with it.
 * @param inBrowser whether the key survives closing the tab
 */
export function signIn(key: string, inBrowser: boolean): void {
  sessionStorage.removeItem(NAME);
  (inBrowser ? localStorage : sessionStorage).setItem(NAME, key);
  location.reload();
}

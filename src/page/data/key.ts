const NAME = 'recoup-tasks-key';

/** Returns the API key in the tab's session storage, or else in local storage. */
export function storedKey(): string | undefined {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? undefined;
}

/** Replaces or removes the stored API key, and reloads the page to drop everything that was read with the old one. */
export function storeKey(key: string | undefined, storage = sessionStorage): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  if (key !== undefined) storage.setItem(NAME, key);
  location.reload();
}

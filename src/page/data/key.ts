const NAME = 'recoup-tasks-key';

/** Returns the API key that the user entered, from the tab's session storage or else from local storage. */
export function storedKey(): string | undefined {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? undefined;
}

/** Replaces or removes the stored API key. Reloads the page, to drop all data that was read with the previous key. */
export function storeKey(key: string | undefined, storage = sessionStorage): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  if (key !== undefined) storage.setItem(NAME, key);
  location.reload();
}

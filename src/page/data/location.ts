import { useEffect, useState } from 'preact/hooks';

/** The parsed fragment of the address. `#/tasks/ID?name=value` has the path ['tasks', 'ID'] and one parameter. */
export interface Place {
  path: string[];
  parameters: URLSearchParams;
}

/** Parses the fragment of an address. For a malformed fragment, returns a path that has no view. */
function placeOf(hash: string): Place {
  try {
    const { pathname, searchParams } = new URL(hash.replace(/^#/, '') || '/', 'http://page');
    const path = pathname.split('/').filter((part) => part !== '');
    return { path: path.map((part) => decodeURIComponent(part)), parameters: searchParams };
  } catch {
    return { path: ['unknown'], parameters: new URLSearchParams() };
  }
}

/** Returns the parsed current address, and renders the component again when the address changes. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const follow = () => setPlace(placeOf(location.hash));
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  return place;
}

/** Returns the link to a view, such as `#/tasks/ID`. */
export function linkTo(...path: string[]): string {
  return `#/${path.map((part) => encodeURIComponent(part)).join('/')}`;
}

/** Replaces the address by a path and its parameters, without adding a history entry. Omits empty parameters. */
export function setParameters(path: string[], parameters: Record<string, string>): void {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  const query = new URLSearchParams(given).toString();
  history.replaceState(null, '', `${linkTo(...path)}${query && `?${query}`}`);
  window.dispatchEvent(new Event('hashchange'));
}

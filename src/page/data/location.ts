import { useEffect, useState } from 'preact/hooks';

/** The view that the address names: `#/tasks/ID?name=value` is path ['tasks', 'ID'] and parameters. */
export interface Place {
  path: string[];
  parameters: URLSearchParams;
}

/** Returns the place of an address; for one that this page did not make, a place that no view has. */
function placeOf(hash: string): Place {
  try {
    const { pathname, searchParams } = new URL(hash.replace(/^#/, '') || '/', 'http://page');
    const path = pathname.split('/').filter((part) => part !== '');
    return { path: path.map((part) => decodeURIComponent(part)), parameters: searchParams };
  } catch {
    return { path: ['unknown'], parameters: new URLSearchParams() };
  }
}

/** Returns where the page is, and renders again when that changes. */
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

/** Replaces the parameters of the address, without a new entry in the history. Empty ones are left out. */
export function setParameters(path: string[], parameters: Record<string, string>): void {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  const query = new URLSearchParams(given).toString();
  history.replaceState(null, '', `${linkTo(...path)}${query && `?${query}`}`);
  window.dispatchEvent(new Event('hashchange'));
}

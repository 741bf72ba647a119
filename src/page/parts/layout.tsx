import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from '../../client/index.ts';
import type { Reading } from '../data/reads.ts';

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

interface HeadingProps {
  title: string;
  /** Address of the view that the title links to; without it, the title is not a link. */
  href?: string;
  /** The line below the title. */
  children?: ComponentChildren;
  actions?: ComponentChildren;
}

/** The top of a view: title, line of text and action buttons. The title also becomes the title of the document. */
export function Heading({ title, href, children, actions }: HeadingProps) {
  useTitle(`${title} – Tasks`);
  return (
    <div class="heading">
      <div>
        <h1>{href ? <a href={href}>{title}</a> : title}</h1>
        {children && <p class="line">{children}</p>}
      </div>
      {actions}
    </div>
  );
}

export function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

interface FactsProps {
  look?: 'facts' | 'figures';
  facts: (readonly [name: string, value: ComponentChildren])[];
}

/** A list of names and values. Omits facts whose value is undefined or false. */
export function Facts({ look = 'facts', facts }: FactsProps) {
  const given = facts.filter(([, value]) => value !== undefined && value !== false);
  return (
    <dl class={look}>
      {given.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Returns the items to show, and a button that shows `step` more; the button is false if no items are hidden. */
export function useShown<Item>(items: Item[], first: number, step = Infinity) {
  const [count, setCount] = useState(first);
  const rest = items.length - count;
  const more = rest > 0 && (
    <button type="button" class="button" onClick={() => setCount(count + step)}>
      Show {Math.min(step, rest)} more
    </button>
  );
  return { shown: items.slice(0, count), more };
}

type EmptyProps = { title: string; level?: 'h1' | 'h2'; children?: ComponentChildren };

/** A message in place of content. The children say what to do. Pass `h1` if the view has no other heading. */
export function Empty({ title, level: Title = 'h2', children }: EmptyProps) {
  return (
    <div class="empty">
      <Title>{title}</Title>
      {children}
    </div>
  );
}

/** The message shown in place of a task or run that the service did not return. */
export const Missing = ({ what }: { what: string }) => (
  <Empty level="h1" title={`There is no such ${what}`}>
    <p>It was deleted, or you have no access to it.</p>
  </Empty>
);

const TITLES: Partial<Record<ApiError['code'], string>> = {
  network_error: 'The service cannot be reached',
  timeout: 'The service does not reply',
  database_unavailable: 'The database is unavailable',
  service_overloaded: 'The service is overloaded',
  too_busy: 'The service is busy',
  not_ready: 'The service is starting',
  rate_limited: 'Too many requests',
};

export const titleOf = ({ code }: ApiError): string => TITLES[code] ?? 'The request failed';

/** Stands in for data that has not been read: a loading state, or the error with a button that retries the read. */
export function Pending({ failure, retry }: Pick<Reading<unknown>, 'failure' | 'retry'>) {
  if (!failure) {
    return (
      <div class="loading" role="status">
        <span class="hidden">Loading…</span>
      </div>
    );
  }
  return (
    <div class="empty" role="alert">
      <h2>{titleOf(failure)}</h2>
      <p>{failure.message}</p>
      {failure.requestId && (
        <p class="muted">
          Request <code>{failure.requestId}</code>
        </p>
      )}
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from '../../client/index.ts';
import type { Reading } from '../data/reads.ts';

/** Names the view in the browser's tab and history. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

interface HeadingProps {
  title: string;
  /** The view that the title links to. */
  href?: string;
  /** What the view is about, on the line below. */
  children?: ComponentChildren;
  actions?: ComponentChildren;
}

/** The top of a view. */
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

/** A titled part of a view. */
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

/** Names with their values. Those without a value are left out. */
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

/** Returns the first of some items, and a button that shows more of them. */
export function useShown<Item>(items: Item[], first: number, step = Infinity) {
  const [most, setMost] = useState(first);
  const rest = items.length - most;
  const more = rest > 0 && (
    <button type="button" class="button" onClick={() => setMost(most + step)}>
      Show {Math.min(step, rest)} more
    </button>
  );
  return { shown: items.slice(0, most), more };
}

type EmptyProps = { title: string; level?: 'h1' | 'h2'; children?: ComponentChildren };

/** A view without content, and what to do about it. Its level is h1 where the view has no other heading. */
export function Empty({ title, level: Title = 'h2', children }: EmptyProps) {
  return (
    <div class="empty">
      <Title>{title}</Title>
      {children}
    </div>
  );
}

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

/** What stands in place of data: why it cannot be read, with a way to try again, or that it is loading. */
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

import type { ComponentChildren } from 'preact';
import type { ApiError } from '../../client/index.ts';

type EmptyProps = { title: string; level?: 'h1' | 'h2'; children?: ComponentChildren };

/** A view without content, and what to do about it. Its level is h1 where the view has no other heading. */
export function Empty({ title, level: Heading = 'h2', children }: EmptyProps) {
  return (
    <div class="empty">
      <Heading>{title}</Heading>
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

/** Why a view has no data, with a way to try again. */
export function Failed({ failure, retry }: { failure: ApiError; retry: () => void }) {
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

/** Gray rows in place of what is loading. */
export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="hidden">Loading…</span>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} class="bone" />
      ))}
    </div>
  );
}

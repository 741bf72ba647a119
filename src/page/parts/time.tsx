import { useEffect, useState } from 'preact/hooks';
import { exactInZones, relative } from './format.ts';

const TICK_MS = 10_000;

/** Returns the current time, and renders the component again every 10 seconds. */
export function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** An instant relative to now. On hover and focus, a tooltip shows it exactly, in the task's and the viewer's zone. */
export function Time({ at, zone }: { at: string; zone?: string }) {
  const now = useNow();
  const instant = new Date(at);
  const text = exactInZones(instant, zone);
  return (
    <time class="tip" tabIndex={0} dateTime={at} data-tip={text}>
      {relative(instant, now)}
      <span class="hidden">{`, ${text}`}</span>
    </time>
  );
}

import { useEffect, useState } from 'preact/hooks';
import { exactInZones, relative } from './format.ts';

const TICK_MS = 10_000;

/** Returns the time, and renders again as it passes. */
export function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** An instant by its distance; exactly, in the viewer's and the task's zone, on hover and focus. */
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

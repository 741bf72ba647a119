import { Long } from 'bson';

/** Serializes plain values to JSON. A bigint keeps all its digits; JSON.stringify throws on it. */
export function exactJson(value: unknown): string {
  if (typeof value === 'bigint' || value instanceof Long) return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => exactJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${exactJson(member)}`).join(',')}}`;
}

import { useState } from 'preact/hooks';

/** Maximum number of children shown of an array or object. */
const MOST_CHILDREN = 200;

/** Returns a value if it is an http or https URL; otherwise undefined. */
export function webAddress(text: unknown): string | undefined {
  if (typeof text !== 'string' || !/^https?:\/\//i.test(text)) return undefined;
  return URL.canParse(text) ? text : undefined;
}

/** A link to another site. The page loads nothing from that site. */
export function OutLink({ href }: { href: string }) {
  return (
    <a class="out" href={href} target="_blank" rel="noreferrer">
      {href}
    </a>
  );
}

function Leaf({ value }: { value: unknown }) {
  const address = webAddress(value);
  if (address !== undefined) return <OutLink href={address} />;
  return (
    <span class={`json-${value === null ? 'null' : typeof value}`}>{JSON.stringify(value) ?? 'null'}</span>
  );
}

function Branch({ name, value, open }: { name: string | undefined; value: object; open: boolean }) {
  const [isOpen, setOpen] = useState(open);
  const isArray = Array.isArray(value);
  const entries: [string, unknown][] = Object.entries(value);
  const count = `${entries.length} ${isArray ? 'item' : 'field'}${entries.length === 1 ? '' : 's'}`;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name !== undefined && <span class="json-key">{name}: </span>}
        <span class="muted">{isArray ? `[${count}]` : `{${count}}`}</span>
      </summary>
      {isOpen && (
        <div class="json-body">
          {entries.slice(0, MOST_CHILDREN).map(([key, child]) => (
            <Json key={key} name={isArray ? undefined : key} value={child} />
          ))}
          {entries.length > MOST_CHILDREN && <p class="muted">{entries.length - MOST_CHILDREN} more</p>}
        </div>
      )}
    </details>
  );
}

/** A JSON value that folds. Branches render when they are opened. */
export function Json({
  name,
  value,
  open = false,
}: {
  name?: string | undefined;
  value: unknown;
  open?: boolean;
}) {
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    return <Branch name={name} value={value} open={open} />;
  }
  return (
    <div class="json-leaf">
      {name !== undefined && <span class="json-key">{name}: </span>}
      <Leaf value={value} />
    </div>
  );
}

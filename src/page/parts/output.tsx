import { useState } from 'preact/hooks';
import { plural } from './format.ts';
import { Facts, useShown } from './layout.tsx';

/** Number of children of an array or object that are shown at once. */
const MOST_CHILDREN = 200;

/** Returns a value if it is an http or https URL; otherwise undefined. */
function webAddress(text: unknown): string | undefined {
  if (typeof text !== 'string' || !/^https?:\/\//i.test(text)) return undefined;
  return URL.canParse(text) ? text : undefined;
}

/** A link to another site. The page loads nothing from that site. */
function OutLink({ href }: { href: string }) {
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
  const { shown, more } = useShown(entries, MOST_CHILDREN, MOST_CHILDREN);
  const count = plural(entries.length, isArray ? 'item' : 'field');
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name !== undefined && <span class="json-key">{name}: </span>}
        <span class="muted">{isArray ? `[${count}]` : `{${count}}`}</span>
      </summary>
      {isOpen && (
        <div class="json-body">
          {shown.map(([key, child]) => (
            <Json key={key} name={isArray ? undefined : key} value={child} />
          ))}
          {more}
        </div>
      )}
    </details>
  );
}

interface JsonProps {
  name?: string | undefined;
  value: unknown;
  open?: boolean;
}

/** A JSON value that folds. Branches render when they are opened. */
function Json({ name, value, open = false }: JsonProps) {
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

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The fields of a content output that are laid out, in their order. */
const FIELDS = [
  ['videoSourceUrl', 'Video'],
  ['imageUrl', 'Image'],
  ['captionText', 'Caption'],
  ['template', 'Template'],
  ['lipsync', 'Lip sync'],
] as const;

const isContent = (value: unknown): value is Record<string, unknown> =>
  isObject(value) &&
  ['videoSourceUrl', 'imageUrl', 'captionText'].some((name) => typeof value[name] === 'string');

function Field({ value }: { value: unknown }) {
  const address = webAddress(value);
  if (address !== undefined) return <OutLink href={address} />;
  if (typeof value === 'boolean') return <>{value ? 'Yes' : 'No'}</>;
  return typeof value === 'string' ? <span class="text">{value}</span> : <Json value={value} />;
}

/** An output or payload: content by its fields, text as it is, anything else as foldable JSON. */
export function Output({ value }: { value: unknown }) {
  if (typeof value === 'string') return <p class="text">{value}</p>;
  if (!isContent(value))
    return (
      <div class="json">
        <Json value={value} open />
      </div>
    );
  const laidOut = FIELDS.filter(([name]) => value[name] !== undefined && value[name] !== null);
  const rest = Object.entries(value).filter(([name]) => !FIELDS.some(([known]) => known === name));
  return (
    <>
      <Facts facts={laidOut.map(([name, label]) => [label, <Field key={name} value={value[name]} />])} />
      {rest.length > 0 && (
        <div class="json">
          {rest.map(([name, child]) => (
            <Json key={name} name={name} value={child} open />
          ))}
        </div>
      )}
    </>
  );
}

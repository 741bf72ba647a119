import { useState } from 'preact/hooks';
import { plural } from './format.ts';
import { Facts, useShown } from './layout.tsx';

/** Number of children of an array or object that are shown at once. */
const MOST_CHILDREN = 200;

/** Returns a link to an http or https URL; undefined for other values. The page loads nothing from there. */
function webLink(value: unknown) {
  if (typeof value !== 'string' || !/^https?:\/\//i.test(value) || !URL.canParse(value)) return undefined;
  return (
    <a class="out" href={value} target="_blank" rel="noreferrer">
      {value}
    </a>
  );
}

interface JsonProps {
  name?: string;
  value: unknown;
  open?: boolean;
}

/** A JSON value that folds. Arrays and objects render when they are opened. */
function Json({ name, value, open = false }: JsonProps) {
  const [isOpen, setOpen] = useState(open);
  const entries: [string, unknown][] = typeof value === 'object' && value ? Object.entries(value) : [];
  const { shown, more } = useShown(entries, MOST_CHILDREN, MOST_CHILDREN);
  const key = name !== undefined && <span class="muted">{name}: </span>;
  if (entries.length === 0) {
    return (
      <div>
        {key}
        {webLink(value) ?? <span class={`json-${typeof value}`}>{JSON.stringify(value) ?? 'null'}</span>}
      </div>
    );
  }
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {key}
        <span class="muted">{plural(entries.length, Array.isArray(value) ? 'item' : 'field')}</span>
      </summary>
      {isOpen && (
        <div class="json-body">
          {shown.map(([child, content]) => (
            <Json key={child} name={child} value={content} />
          ))}
          {more}
        </div>
      )}
    </details>
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
  if (typeof value !== 'string') return <Json value={value} />;
  return webLink(value) ?? <span class="text">{value}</span>;
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

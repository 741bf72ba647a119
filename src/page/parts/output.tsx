import { useState } from 'preact/hooks';
import { plural } from './format.ts';
import { Facts, useShown } from './layout.tsx';

/** Number of children of an array or object that each click on “Show more” adds. */
const CHILDREN = 200;

/** Returns a link if the value is an http or https URL. The page itself never loads the URL. */
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

/** A JSON value. Arrays and objects are foldable, and render their children only while open. */
function Json({ name, value, open = false }: JsonProps) {
  const [isOpen, setOpen] = useState(open);
  const entries: [string, unknown][] = typeof value === 'object' && value ? Object.entries(value) : [];
  const { shown, more } = useShown(entries, CHILDREN, CHILDREN);
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

/** Labels of the usual fields of a content run's output, in display order. Other fields follow under their own name. */
const LABELS: Record<string, string> = {
  videoSourceUrl: 'Video',
  imageUrl: 'Image',
  captionText: 'Caption',
  template: 'Template',
  lipsync: 'Lip sync',
};

const isContent = (value: unknown): value is Record<string, unknown> => {
  const { videoSourceUrl, imageUrl, captionText }: Record<string, unknown> = Object(value);
  return [videoSourceUrl, imageUrl, captionText].some((field) => typeof field === 'string');
};

/** An output or payload: text unchanged, a content run's output field by field, any other value as foldable JSON. */
export function Output({ value }: { value: unknown }) {
  if (typeof value === 'string') return webLink(value) ?? <p class="text">{value}</p>;
  if (isContent(value)) {
    const names = new Set([...Object.keys(LABELS), ...Object.keys(value)]);
    const given = [...names].filter((name) => value[name] !== undefined && value[name] !== null);
    return (
      <Facts facts={given.map((name) => [LABELS[name] ?? name, <Output key={name} value={value[name]} />])} />
    );
  }
  return (
    <div class="json">
      <Json value={value} open />
    </div>
  );
}

import { Json, OutLink, webAddress } from './json.tsx';
import { Facts } from './layout.tsx';

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
  if (!isContent(value)) return <div class="json">{<Json value={value} open />}</div>;
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

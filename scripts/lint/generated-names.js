/** Suffixes that code generators append to an operationId. A schema with such a name would be declared twice. */
const SUFFIXES = ['Response', 'Params', 'RequestBody', 'JSONBody', 'JSONRequestBody'];

const plain = (name) => name.replaceAll(/[^a-z0-9]/gi, '').toLowerCase();

/** A Spectral rule: no schema may have a name that code generators derive from an operationId, in any letter case. */
export default function generatedNames(document) {
  const operations = Object.values(document.paths ?? {}).flatMap((item) => Object.values(item ?? {}));
  const ids = operations.flatMap(({ operationId }) => operationId ?? []);
  const made = new Map(ids.flatMap((id) => SUFFIXES.map((suffix) => [plain(id + suffix), id])));
  return Object.keys(document.components?.schemas ?? {})
    .filter((name) => made.has(plain(name)))
    .map((name) => ({
      message: `Schema "${name}" has a name that code generators make from the operationId ${made.get(plain(name))}. Choose a name that is not an operationId followed by ${SUFFIXES.join(', ')}.`,
      path: ['components', 'schemas', name],
    }));
}

/** Names that generators of code make from an operationId, so that no schema may have them: they would be declared twice. */
const SUFFIXES = ['Response', 'Params', 'RequestBody', 'JSONBody', 'JSONRequestBody'];

const plain = (name) => name.replaceAll(/[^a-z0-9]/gi, '').toLowerCase();

/** A rule of Spectral: the names of a document's schemas, in any letter case. */
export default function generatedNames(document) {
  const operations = Object.values(document.paths ?? {}).flatMap((item) => Object.values(item ?? {}));
  const ids = operations.flatMap(({ operationId }) => operationId ?? []);
  const made = new Map(ids.flatMap((id) => SUFFIXES.map((suffix) => [plain(id + suffix), id])));
  return Object.keys(document.components?.schemas ?? {})
    .filter((name) => made.has(plain(name)))
    .map((name) => ({
      message: `Schema "${name}" has a name that code generators make from the operationId ${made.get(plain(name))}. Choose one that is not an operationId with ${SUFFIXES.join(', ')}.`,
      path: ['components', 'schemas', name],
    }));
}

/** The public interface of the embedded engine. Code outside this folder imports only this file. */
export { backUp, type BackupFigures } from './backup/backup.ts';
export { DatabaseInUse, type RestoreFigures, restoreArchive } from './backup/restore.ts';
export { UnusableArchive } from './backup/archive-format.ts';
export { FileInTheWay } from './backup/new-file.ts';
export { WriteRefused, batchesOf, sendRaw } from './backup/raw-commands.ts';
export { indexSpecs } from './backup/archive-metadata.ts';
export { documentOf, rawOf } from './bson-writer.ts';
export type { CollectionRecord } from './catalog.ts';
export {
  type RawValue,
  documentBytes,
  documentValue,
  fieldOf,
  fieldsOf,
  isArray,
  isObject,
  valuesOf,
} from './raw-bson.ts';
export {
  DataDirectoryInUse,
  type EmbeddedServer,
  SocketPathTooLong,
  UnusableStore,
  findRunningEmbedded,
  startEmbedded,
} from './start.ts';
export { NoStore, StoreSnapshot } from './store-snapshot.ts';

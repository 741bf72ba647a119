/** A part of the driver that it does not export: documents beside a command, which may be BSON already. */
declare module 'mongodb/lib/cmap/commands.js' {
  export class DocumentSequence {
    constructor(field: string);
    /** The document is only shown to command monitors; the bytes are what is sent. */
    push(document: object, bytes: Uint8Array): number;
  }
}

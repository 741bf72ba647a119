/** Declares a class that the driver does not export: a list of documents or raw BSON, sent beside a command. */
declare module 'mongodb/lib/cmap/commands.js' {
  export class DocumentSequence {
    constructor(field: string);
    /** The driver sends the bytes; it shows the document only to command monitors. */
    push(document: object, bytes: Uint8Array): number;
  }
}

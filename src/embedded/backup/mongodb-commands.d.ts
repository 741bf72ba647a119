/** Declares a class that the driver does not export: a list of documents that is sent outside the command's body. */
declare module 'mongodb/lib/cmap/commands.js' {
  export class DocumentSequence {
    constructor(field: string);
    /** The driver sends the bytes; it shows the document only to command monitors. */
    push(document: object, bytes: Uint8Array): number;
  }
}

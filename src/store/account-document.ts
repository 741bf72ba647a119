/** A document of the collection `accounts`. */
export interface AccountDocument {
  /** The account's public id, a UUID in lower case. */
  _id: string;
  email?: string | null;
  name?: string | null;
}

/** A place in a listing: after the item with this creation instant and id. */
export interface Position {
  createdAt: Date;
  id: string;
}

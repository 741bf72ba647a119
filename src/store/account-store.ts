import type { AnyBulkWriteOperation } from 'mongodb';
import type { Collections } from './collections.ts';
import type { AccountDocument } from './account-document.ts';
import { insertOnce } from './insert-missing.ts';

const FIELDS = ['email', 'name'] as const;

/** Stores accounts: the owners of tasks, and the artists that tasks refer to. */
export class AccountStore {
  readonly #accounts: Collections['accounts'];

  constructor({ accounts }: Pick<Collections, 'accounts'>) {
    this.#accounts = accounts;
  }

  /**
   * Returns the account with this id. If it does not exist, creates it with the given email; an existing account stays
   * unchanged.
   */
  async obtain({ _id, email }: AccountDocument): Promise<AccountDocument | null> {
    const account = { _id, email: email ?? null };
    return (await insertOnce(this.#accounts, account)) ? account : this.#accounts.findOne({ _id });
  }

  /** Inserts accounts that do not exist and sets emails and names that stored accounts lack. Overwrites nothing. */
  async fillIn(accounts: AccountDocument[]): Promise<void> {
    const found = await this.findByIds(accounts.map(({ _id }) => _id));
    const writes = accounts.flatMap(({ _id, ...fields }): AnyBulkWriteOperation<AccountDocument>[] => {
      const stored = found.get(_id);
      if (!stored) {
        return [{ updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true } }];
      }
      return FIELDS.filter((field) => fields[field] && !stored[field]).map((field) => ({
        updateOne: {
          filter: { _id, [field]: { $in: [null, ''] } },
          update: { $set: { [field]: fields[field] } },
        },
      }));
    });
    if (writes.length > 0) await this.#accounts.bulkWrite(writes, { ignoreUndefined: true });
  }

  /** Finds the emails and names of accounts, by account id, in one query. The map has no entry for an unknown id. */
  async findByIds(ids: string[]): Promise<Map<string, AccountDocument>> {
    if (ids.length === 0) return new Map();
    const options = { projection: { email: 1, name: 1 }, batchSize: ids.length + 1 };
    const found = await this.#accounts.find({ _id: { $in: ids } }, options).toArray();
    return new Map(found.map((account) => [account._id, account]));
  }
}

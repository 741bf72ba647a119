import type { Collections } from './collections.ts';
import type { AccountDocument } from './account-document.ts';

/** The accounts that own tasks. */
export class AccountStore {
  readonly #accounts: Collections['accounts'];

  constructor({ accounts }: Pick<Collections, 'accounts'>) {
    this.#accounts = accounts;
  }

  /** The account of that id, created where there is none; one that exists stays as it is. */
  async obtain({ _id, email }: AccountDocument): Promise<AccountDocument | null> {
    return this.#accounts.findOneAndUpdate(
      { _id },
      { $setOnInsert: { email: email ?? null } },
      { upsert: true, returnDocument: 'after' },
    );
  }

  /** E-mail addresses by account id; an account that is unknown or has none is left out. One query, however many. */
  async findEmails(ids: string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const found = await this.#accounts
      .find({ _id: { $in: ids } }, { projection: { email: 1 }, batchSize: ids.length + 1 })
      .toArray();
    return new Map(found.flatMap(({ _id, email }) => (email ? [[_id, email] as const] : [])));
  }
}

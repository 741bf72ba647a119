/** Maximum number of ids that the summary shows per group. */
const MAX_SHOWN = 10;

/** Ids that the summary shows together. */
export class Group {
  readonly ids: string[] = [];
  count = 0;

  add(id: string): void {
    this.count += 1;
    if (this.ids.length < MAX_SHOWN) this.ids.push(id);
  }
}

/** Counts of what an import did, or would do in a dry run. */
export class Figures {
  tasks = { added: 0, changed: 0, same: 0, kept: 0 };
  runs = { recorded: 0, same: 0 };
  /** Tasks enabled at the source and disabled here, which `--enabled` would enable. */
  waiting = 0;
  /** Like `waiting`, but changed here since their import. `--enabled` leaves these disabled. */
  readonly disabledHere = new Group();
  /** Items that were not imported: by kind, then by reason. */
  readonly skipped = {
    task: new Map<string, Group>(),
    run: new Map<string, Group>(),
    account: new Map<string, Group>(),
  };
  /** Imported tasks that never fire here, by reason. */
  readonly neverFiring = new Map<string, Group>();

  skip(kind: keyof Figures['skipped'], id: string, reason: string): void {
    addTo(this.skipped[kind], reason, id);
  }
}

/** Adds an id to a group, and creates the group if needed. */
export function addTo(groups: Map<string, Group>, reason: string, id: string): void {
  const group = groups.get(reason) ?? new Group();
  groups.set(reason, group);
  group.add(id);
}

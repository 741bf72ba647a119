/** Maximum number of ids that the import summary shows per group. */
const MAX_SHOWN = 10;

/** Counts ids that the import summary shows on one line, and keeps the first ten of them. */
export class Group {
  readonly ids: string[] = [];
  count = 0;

  add(id: string): void {
    this.count += 1;
    if (this.ids.length < MAX_SHOWN) this.ids.push(id);
  }
}

/** Counts of what an import did, or what it would have done if it was a dry run. */
export class Figures {
  tasks = { added: 0, changed: 0, same: 0, kept: 0 };
  runs = { recorded: 0, same: 0 };
  /** Number of tasks that are enabled at the source and disabled here, and that `--enabled` would enable here. */
  waiting = 0;
  /** Tasks enabled at the source and disabled here that `--enabled` does not enable, because they were changed here. */
  readonly disabledHere = new Group();
  /** Ids of the tasks, runs and accounts that were not imported, by kind and then by reason. */
  readonly skipped = {
    task: new Map<string, Group>(),
    run: new Map<string, Group>(),
    account: new Map<string, Group>(),
  };
  /** Ids of imported tasks whose schedule never fires here, by reason. */
  readonly neverFiring = new Map<string, Group>();

  skip(kind: keyof Figures['skipped'], id: string, reason: string): void {
    addTo(this.skipped[kind], reason, id);
  }
}

export function addTo(groups: Map<string, Group>, reason: string, id: string): void {
  const group = groups.get(reason) ?? new Group();
  groups.set(reason, group);
  group.add(id);
}

import { randomUUID } from 'node:crypto';
import { Attempt, type Tools } from './attempt.ts';
import { Lease, Observation } from './lease.ts';
import { Loop } from '../loop.ts';

const PASS_MS = 2_000;
const BEAT_MS = 5_000;
/** Delay before a failed renewal is retried: short, so that a lease survives an outage of almost its full term. */
const BEAT_RETRY_MS = 1_000;

/** Claims and executes queued runs, renews its claims, and releases the claims of dead workers. */
export class Runner {
  readonly #tools: Tools;
  readonly #concurrency: number;
  /** Id of this worker, which owns its claims. Every start has a new id. */
  readonly #id = randomUUID();
  readonly #leases = new Map<string, { lease: Lease; served: Promise<void> }>();
  readonly #observation = new Observation();
  readonly #claiming: Loop;
  readonly #observing: Loop;
  readonly #beat: Loop;
  /** The account whose run was claimed last. The next claim begins with the account after it. */
  #lastAccount = '';
  #isClaiming = true;
  #waiting = 0;

  constructor(tools: Tools, concurrency: number, isLive: () => boolean) {
    this.#tools = tools;
    this.#concurrency = concurrency;
    const { clock, log } = tools;
    const onError = (error: unknown) =>
      log.error({ err: error }, 'failed to read or update the queue of runs; trying again in 2 seconds');
    const claim = async () => {
      if (isLive()) await this.#claim();
      return PASS_MS;
    };
    const observe = async () => {
      await this.#observe(isLive());
      return PASS_MS;
    };
    this.#claiming = new Loop(clock, claim, onError);
    this.#observing = new Loop(clock, observe, onError);
    this.#beat = new Loop(clock, async () => this.#renew(), onError);
    this.#observing.wake();
    this.#beat.wake();
  }

  get state() {
    return { running: this.#leases.size, waiting: this.#waiting };
  }

  /** Whether this process executes as many runs as it may. The runner claims again when one of these runs ends. */
  get isFull(): boolean {
    return this.#leases.size >= this.#concurrency;
  }

  wake(): void {
    this.#claiming.wake();
  }

  /**
   * Stops claiming. Releases runs that were not delivered, and runs that another process can continue to poll. Other
   * runs may continue until the grace period ends, and are then aborted.
   * @param deadlineMs - how long after the grace period to wait for aborted runs
   */
  async stop(graceMs: number, deadlineMs: number): Promise<void> {
    const { clock } = this.#tools;
    this.#isClaiming = false;
    await Promise.all([this.#claiming.stop(), this.#observing.stop()]);
    const leases = [...this.#leases.values()];
    for (const { lease } of leases)
      if (!lease.isDelivered || lease.location !== undefined) lease.stop('drain');
    const cancelGrace = clock.setTimeout(() => {
      for (const { lease } of leases) lease.stop('drain');
    }, graceMs);
    let cancelDeadline = () => {};
    const deadline = new Promise<void>((resolve) => {
      cancelDeadline = clock.setTimeout(resolve, graceMs + deadlineMs);
    });
    await Promise.race([Promise.all(leases.map(({ served }) => served)), deadline]);
    cancelGrace();
    cancelDeadline();
    await this.#beat.stop();
    for (const { lease } of leases) lease.end();
  }

  async #claim(): Promise<void> {
    const { claims, clock } = this.#tools;
    while (this.#isClaiming && !this.isFull) {
      const claimedAtMs = clock.monotonicMs();
      const now = clock.now();
      const options = { after: this.#lastAccount, excluded: this.#accountsWithTheirShare(), now };
      const entry = await claims.claimNext(this.#id, options);
      if (!entry) return;
      this.#lastAccount = entry.account_id;
      const lease = new Lease(entry, clock, claimedAtMs);
      if (!this.#isClaiming) lease.stop('drain');
      const served = this.#serve(lease);
      this.#leases.set(entry._id, { lease, served });
    }
  }

  /** Returns the accounts that use their full share of this process: half of the concurrency, at least one run. */
  #accountsWithTheirShare(): string[] {
    const share = Math.max(1, Math.floor(this.#concurrency / 2));
    const counts = new Map<string, number>();
    for (const { lease } of this.#leases.values()) {
      const { account_id } = lease.entry;
      counts.set(account_id, (counts.get(account_id) ?? 0) + 1);
    }
    return [...counts].flatMap(([account, count]) => (count >= share ? [account] : []));
  }

  async #serve(lease: Lease): Promise<void> {
    const { log } = this.#tools;
    const { _id: runId, task_id: taskId } = lease.entry;
    try {
      await new Attempt(lease, this.#tools).serve();
    } catch (error) {
      // This process stops renewing the claim, so an observer releases the claim.
      log.error(
        { err: error, taskId, runId },
        'failed to execute a claimed run; it can be claimed again in 30 seconds',
      );
    }
    lease.end();
    // After a lost lease, this process may already have claimed the same run again.
    if (this.#leases.get(runId)?.lease === lease) this.#leases.delete(runId);
    this.wake();
  }

  async #renew(): Promise<number> {
    const { claims } = this.#tools;
    const renewals = await Promise.allSettled(
      [...this.#leases.values()].map(({ lease }) => lease.renew(claims)),
    );
    return renewals.some(({ status }) => status === 'rejected') ? BEAT_RETRY_MS : BEAT_MS;
  }

  /** Aborts this process's runs whose cancellation was requested, and releases the claims of workers that seem dead. */
  async #observe(isLive: boolean): Promise<void> {
    const { claims, clock, log, observer } = this.#tools;
    const claimed = await claims.claimed();
    this.#waiting = Math.max(0, (await claims.size()) - claimed.length);
    for (const { _id, cancel } of claimed) if (cancel) this.#leases.get(_id)?.lease.stop('cancel');
    const others = claimed.filter(({ _id }) => !this.#leases.has(_id));
    const lost = this.#observation.observe(others, clock.monotonicMs());
    if (!isLive) return;
    for (const claim of lost) {
      if (!(await claims.releaseLost(claim, clock.now()))) continue;
      observer.lostLease();
      log.warn(
        { taskId: claim.task_id, runId: claim._id },
        'released the claim of a worker that stopped renewing it',
      );
      this.wake();
    }
  }
}

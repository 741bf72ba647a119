import type {
  ListRunResponseItem,
  RetrieveRunResponse,
  RunStatus,
  ScheduleObject,
} from '@trigger.dev/core/v3';

export type TriggerSchedule = ScheduleObject;
/** A run as listed: without schedule, payload, output and error. */
export type ListedRun = ListRunResponseItem;
export type TriggerRun = RetrieveRunResponse;
export type TriggerRunStatus = RunStatus;

/** The fields of a schedule that this service sets. Trigger.dev resets every field that a change omits. */
export interface ScheduleFields {
  /** Identifier of the task at Trigger.dev. */
  task: string;
  cron: string;
  timezone: string;
  externalId: string;
}

export interface RunsQuery {
  /** Bounds of the runs' `createdAt`, both inclusive. */
  from?: Date;
  to?: Date;
  statuses?: TriggerRunStatus[];
  /** Cursor of the page to list: `next` of the previous page. */
  after?: string;
}

/** The part of Trigger.dev's management API that this service uses. Every method may throw TriggerFailure. */
export interface TriggerApi {
  /** Lists the schedules of the whole project, 100 a page. The first page is 1. */
  listSchedules(page: number): Promise<{ schedules: TriggerSchedule[]; totalPages: number }>;
  /** Creates a schedule, or changes the one that already has this key. Does not activate an inactive schedule. */
  createSchedule(deduplicationKey: string, fields: ScheduleFields): Promise<TriggerSchedule>;
  updateSchedule(id: string, fields: ScheduleFields): Promise<TriggerSchedule>;
  activateSchedule(id: string): Promise<TriggerSchedule>;
  deactivateSchedule(id: string): Promise<TriggerSchedule>;
  deleteSchedule(id: string): Promise<void>;
  /** Lists the runs of the configured task, newest first, 100 a page. */
  listRuns(query: RunsQuery): Promise<{ runs: ListedRun[]; next: string | undefined }>;
  retrieveRun(id: string): Promise<TriggerRun>;
  /**
   * Starts a run of the configured task.
   * @returns the id of the run; calls with the same idempotency key return the same id
   */
  triggerRun(run: { idempotencyKey: string; payload: unknown; tags: string[] }): Promise<string>;
  cancelRun(id: string): Promise<void>;
}

/**
 * Why a call failed.
 * - `unreachable`: no usable reply arrived, so the call may have been executed. A retry may succeed.
 * - `limited`: the rate limit refused every attempt.
 * - `unauthorized`: the key is wrong or lacks a permission.
 * - `refused`: Trigger.dev rejects the request, so a retry of the same request cannot succeed.
 * - `notFound`: no object has this id.
 */
export type FailureKind = 'unreachable' | 'limited' | 'unauthorized' | 'refused' | 'notFound';

export class TriggerFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = 'TriggerFailure';
    this.kind = kind;
  }
}

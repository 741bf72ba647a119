/**
 * Type tests: `npm run check` compiles this file, and each @ts-expect-error fails where the line below it compiles.
 * They prove that a handler cannot drift from the spec without the compiler noticing.
 */
import type { JsonText } from '../../src/view/json-text.ts';
import type { ErrorResponse, ListTasksData, Task, TasksResponse } from '../../generated/types.gen.ts';
import { type Handlers, type Input, type Reply, defineHandlers } from '../../src/operations/handlers.ts';

declare const task: Task;
declare const text: JsonText<Task>;
declare const otherText: JsonText<Task & { runs_version: string }>;
declare const listTasks: Handlers['listTasks'];
declare const others: Omit<Handlers, 'listTasks'>;
declare const errorBody: ErrorResponse & { tasks: Task[] };

/** Compiles only where both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <Verdict extends true>(verdict: Verdict): Verdict => verdict;

// The handlers' types are those of the spec.
same<Same<Input<'listTasks'>['query'], NonNullable<ListTasksData['query']>>>(true);
same<Same<Reply<'listTasks'>['status'], 200>>(true);
same<
  Same<
    Reply<'listTasks'>['body']['tasks'],
    TasksResponse['tasks'] | JsonText<Task>[] | AsyncIterable<JsonText<Task>>
  >
>(true);
same<Same<Reply<'listTasks'>['body']['status'], 'success'>>(true);

// What the spec has compiles.
defineHandlers({
  ...others,
  listTasks,
});
defineHandlers({
  ...others,
  listTasks: async ({ query }) => {
    const limit: number | undefined = query.limit;
    const enabled: boolean | undefined = query.enabled;
    const cursor: string | undefined = query.cursor;
    return {
      status: 200,
      body: { status: 'success', tasks: limit && enabled ? [task] : [], next_cursor: cursor },
    };
  },
});
defineHandlers({
  ...others,
  listTasks: async (): Promise<Reply<'listTasks'>> => ({
    status: 200,
    body: { status: 'success', tasks: [task] },
  }),
});

defineHandlers({
  ...others,
  listTasks: async () => ({
    status: 200,
    body: {
      status: 'success',
      tasks: (async function* () {
        yield text;
      })(),
    },
  }),
});
defineHandlers({
  ...others,
  listTasks: async () => ({ status: 200, body: { status: 'success', tasks: [text] } }),
});

// A parameter that the spec does not have.
defineHandlers({
  ...others,
  listTasks: async ({ query }) => {
    // @ts-expect-error: there is no parameter `owner`
    void query.owner;
    return { status: 200, body: { status: 'success', tasks: [] } };
  },
});

// A part of the request that the operation does not take.
defineHandlers({
  ...others,
  listTasks: async (input) => {
    // @ts-expect-error: a GET has no body
    void input.body;
    return { status: 200, body: { status: 'success', tasks: [] } };
  },
});

// A status that the spec does not have.
defineHandlers({
  ...others,
  // @ts-expect-error: there is no 201
  listTasks: async () => ({ status: 201, body: { status: 'success', tasks: [] } }),
});

// A status of the spec that is an error: those are thrown.
defineHandlers({
  ...others,
  // @ts-expect-error: a handler does not return 400
  listTasks: async () => ({ status: 400, body: errorBody }),
});

// An error's body with a success status.
defineHandlers({
  ...others,
  // @ts-expect-error: that body belongs to errors
  listTasks: async () => ({ status: 200, body: errorBody }),
});

// A field that the spec does not have, at the top and further down.
defineHandlers({
  ...others,
  // @ts-expect-error: there is no field `total`
  listTasks: async () => ({ status: 200, body: { status: 'success', tasks: [], total: 0 } }),
});
defineHandlers({
  ...others,
  // @ts-expect-error: a task has no field `runs_version`
  listTasks: async () => ({
    status: 200,
    body: { status: 'success', tasks: [{ ...task, runs_version: '' }] },
  }),
});
defineHandlers({
  ...others,
  listTasks: async (): Promise<Reply<'listTasks'>> => ({
    status: 200,
    // @ts-expect-error: there is no field `total`, with the reply's type written out either
    body: { status: 'success', tasks: [], total: 0 },
  }),
});

defineHandlers({
  ...others,
  // @ts-expect-error: a task has no field `runs_version`, read one by one either
  listTasks: async () => ({
    status: 200,
    body: {
      status: 'success',
      tasks: (async function* () {
        yield otherText;
      })(),
    },
  }),
});
defineHandlers({
  ...others,
  // @ts-expect-error: a task has no field `runs_version`, as text either
  listTasks: async () => ({ status: 200, body: { status: 'success', tasks: [otherText] } }),
});

// A field that is missing.
defineHandlers({
  ...others,
  // @ts-expect-error: tasks is required
  listTasks: async () => ({ status: 200, body: { status: 'success' } }),
});

// A field of another type.
defineHandlers({
  ...others,
  // @ts-expect-error: an instant is a string on the wire
  listTasks: async () => ({
    status: 200,
    body: { status: 'success', tasks: [{ ...task, upcoming: [new Date()] }] },
  }),
});

// A handler that is missing, and one too many.
// @ts-expect-error: listTasks is in the spec
defineHandlers({ ...others });
defineHandlers({
  ...others,
  listTasks,
  // @ts-expect-error: there is no operation countTasks
  countTasks: listTasks,
});

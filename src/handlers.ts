import type { Operations } from '../generated/express.gen.ts';

export type OperationId = keyof Operations;

/** What a handler is given: the request's parts, validated and converted by the spec. */
export type Input<Id extends OperationId> = Operations[Id]['input'];

/**
 * A success body less the literals that the spec reserves for errors (`status: 'error'`, the error codes), so that an
 * error's body cannot be sent with a success status although one published schema holds for both.
 */
type Succeeding<Body, ErrorBody> = {
  [Key in keyof Body]: Key extends keyof ErrorBody
    ? ErrorBody[Key] extends string
      ? string extends ErrorBody[Key]
        ? Body[Key]
        : Exclude<Body[Key], ErrorBody[Key]>
      : Body[Key]
    : Body[Key];
};

type ErrorBody<Id extends OperationId> = Operations[Id]['errors'][keyof Operations[Id]['errors']];

/** What a handler returns: a success status of the spec with the body that belongs to it. Errors are thrown as ApiError. */
export type Reply<Id extends OperationId> = {
  [Status in keyof Operations[Id]['responses'] & number]: {
    status: Status;
    body: Succeeding<Operations[Id]['responses'][Status], ErrorBody<Id>>;
  };
}[keyof Operations[Id]['responses'] & number];

/** One operation: a function that knows neither express nor the database driver. */
export type Handler<Id extends OperationId> = (input: Input<Id>) => Promise<Reply<Id>>;

/** One handler for each operationId of the spec, no more and no less. */
export type Handlers = { [Id in OperationId]: Handler<Id> };

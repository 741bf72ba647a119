import type { Operations } from '../../generated/express.gen.ts';
import type { Principal } from './principal.ts';
import type { JsonText } from '../view/json-text.ts';

export type OperationId = keyof Operations;

/** The input of a handler: query, headers and body of the request, validated and converted according to the spec. */
export type Input<Id extends OperationId> = Operations[Id]['input'];

/**
 * A success body whose fields cannot have the literals of an error body (`status: 'error'`, the error codes). Some
 * schemas of the spec cover both success and error. This type prevents a handler from sending an error body with a
 * success status.
 */
type Succeeding<Body, Failed> = {
  [Key in keyof Body]: Key extends keyof Failed
    ? Failed[Key] extends string
      ? string extends Failed[Key]
        ? Body[Key]
        : Exclude<Body[Key], Failed[Key]>
      : Body[Key]
    : Body[Key];
};

/** A body as a handler may return it: an array may also consist of JSON texts, or be an async iterable of them. */
type Streamable<Body> = {
  [Key in keyof Body]: Body[Key] extends (infer Item)[]
    ? Item[] | JsonText<Item>[] | AsyncIterable<JsonText<Item>>
    : Body[Key];
};

type ErrorBody<Id extends OperationId> = Operations[Id]['errors'][keyof Operations[Id]['errors']];

/** The result of a handler: a success status of the spec, and its body. For an error, a handler throws an ApiError. */
export type Reply<Id extends OperationId> = {
  [Status in keyof Operations[Id]['responses'] & number]: {
    status: Status;
    body: Streamable<Succeeding<Operations[Id]['responses'][Status], ErrorBody<Id>>>;
  };
}[keyof Operations[Id]['responses'] & number];

/** One handler for each operationId of the spec. Handlers use neither Express nor the database driver. */
export type Handlers = {
  [Id in OperationId]: (input: Input<Id>, principal: Principal) => Promise<Reply<Id>>;
};

type KeysOf<Union> = Union extends unknown ? keyof Union : never;
type ValueOf<Union, Key extends PropertyKey> = Union extends { [K in Key]?: infer Value } ? Value : never;

/** The type Actual, in which each property that Shape lacks has the type `never`, at any depth. */
type Exact<Actual, Shape> = unknown extends Shape
  ? Actual
  : Actual extends JsonText<infer Wire>
    ? JsonText<Exact<Wire, Shape extends JsonText<infer ShapeWire> ? ShapeWire : never>>
    : Actual extends readonly (infer Item)[]
      ? Exact<Item, Shape extends readonly (infer ShapeItem)[] ? ShapeItem : never>[]
      : Actual extends AsyncIterable<infer Item>
        ? AsyncIterable<Exact<Item, Shape extends AsyncIterable<infer ShapeItem> ? ShapeItem : never>>
        : Actual extends object
          ? {
              [Key in keyof Actual]: Key extends KeysOf<Shape>
                ? Exact<Actual[Key], ValueOf<Shape, Key>>
                : never;
            }
          : Actual;

type ExactHandlers<Given extends Handlers> = {
  [Id in keyof Given]: Id extends OperationId
    ? (input: Input<Id>, principal: Principal) => Promise<Exact<Awaited<ReturnType<Given[Id]>>, Reply<Id>>>
    : never;
};

/**
 * Returns the handlers unchanged. A call compiles only if the types of their replies have no properties beyond the
 * spec. By itself, TypeScript checks object literals for excess properties, but not the results of functions
 * (TypeScript issue 241).
 */
export function defineHandlers<Given extends Handlers>(handlers: Given & ExactHandlers<Given>): Handlers {
  return handlers;
}

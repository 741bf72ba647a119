import { MongoAPIError, MongoError, MongoNotConnectedError, MongoTopologyClosedError } from 'mongodb';

/**
 * Whether an error says that the database failed to answer, rather than that this service misused the driver. Any reply
 * of the server that is an error counts: a look-up that it refused has found nothing out.
 */
export function isDatabaseFailure(error: unknown): boolean {
  if (error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError) return true;
  return error instanceof MongoError && !(error instanceof MongoAPIError);
}

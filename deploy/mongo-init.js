/* global Mongo, process, sleep */
/** Run by mongosh (compose.yaml): makes the replica set and the service's user, where they are missing. */
const { MONGO_PASSWORD: password, MONGO_ROOT_PASSWORD: rootPassword } = process.env;
const connection = new Mongo(`mongodb://root:${rootPassword}@mongo/admin?directConnection=true`);
const admin = connection.getDB('admin');

try {
  admin.runCommand({ replSetGetStatus: 1 });
} catch (error) {
  if (error.codeName !== 'NotYetInitialized') throw error;
  admin.runCommand({
    replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] },
  });
}
while (!admin.runCommand({ hello: 1 }).isWritablePrimary) sleep(200);

const recoup = connection.getDB('recoup');
// It may read and write this one database, and make its indexes.
if (recoup.getUser('recoup') === null) {
  recoup.createUser({ user: 'recoup', pwd: password, roles: [{ role: 'readWrite', db: 'recoup' }] });
}

// Notes what src/ sends to a database, for compare.cjs. Jest loads it into each test file, and child processes that run
// programs of dist/ load it by NODE_OPTIONS; hence no TypeScript. What tests send themselves is not noted.
const { AsyncLocalStorage } = require('node:async_hooks');
const { appendFileSync } = require('node:fs');
const { join } = require('node:path');
const { AbstractCursor, Admin, BSON, Collection, Db } = require('mongodb');
const { Connection } = require('mongodb/lib/cmap/connection.js');

const folder = process.env.TRAFFIC_DIR;
/** Whether the call in progress comes from src/. */
const fromSrc = new AsyncLocalStorage();
const seen = new Set();

const SENDER = /[/\\]src[/\\]/;
const root = join(__dirname, '..', '..', '..');

function isCalledFromSrc() {
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.stackTraceLimit = 20;
  Error.prepareStackTrace = (_error, sites) => sites.map((site) => String(site.getFileName()));
  const files = new Error('').stack;
  Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  const paths = files.map((file) => file.replace(/^file:\/\//, ''));
  const caller = paths.find(
    (file) => file.startsWith(root) && !file.includes('node_modules') && file !== __filename,
  );
  return caller !== undefined && SENDER.test(caller.slice(root.length));
}

function within(isSrc, call) {
  return fromSrc.getStore() === undefined ? fromSrc.run(isSrc, call) : call();
}

function watch(prototype) {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === 'constructor' || typeof value !== 'function') continue;
    prototype[name] = function watched(...args) {
      return within(fromSrc.getStore() ?? isCalledFromSrc(), () => value.apply(this, args));
    };
  }
}

/** `for await` calls the iterator from inside the loop, where nothing of ours is on the stack. */
function watchIteration() {
  const original = AbstractCursor.prototype[Symbol.asyncIterator];
  AbstractCursor.prototype[Symbol.asyncIterator] = function watched() {
    const isSrc = fromSrc.getStore() ?? isCalledFromSrc();
    const iterator = original.call(this);
    const step = (name) => (value) => within(isSrc, () => iterator[name](value));
    return { next: step('next'), return: step('return'), throw: step('throw') };
  };
}

function note(group, name) {
  const line = `${group}\t${name}\n`;
  if (seen.has(line)) return;
  seen.add(line);
  appendFileSync(join(folder, `${process.pid}.txt`), line);
}

const decoded = (value) => (value instanceof Uint8Array ? BSON.deserialize(value) : value);
const entriesOf = (value) => {
  const document = decoded(value);
  if (document instanceof Map) return [...document];
  const isPlain = typeof document === 'object' && document !== null && !('_bsontype' in document);
  return isPlain && !(document instanceof Date) ? Object.entries(document) : [];
};

function noteQuery(value) {
  for (const [name, inner] of entriesOf(value)) {
    if (name.startsWith('$')) note('query operators', name);
    noteQuery(inner);
  }
}

function noteUpdate(value) {
  for (const [operator, fields] of entriesOf(value)) {
    if (!operator.startsWith('$')) continue;
    note('update operators', operator);
    if (operator !== '$push') continue;
    for (const [, operand] of entriesOf(fields))
      for (const [name] of entriesOf(operand)) if (name.startsWith('$')) note('$push modifiers', name);
  }
}

const QUERIES = new Set(['filter', 'query', 'q']);
const UPDATES = new Set(['update', 'u']);
const STATEMENTS = new Set(['updates', 'deletes', 'indexes', 'collections']);

function noteFields(group, fields) {
  for (const [name, value] of fields) {
    if (value === undefined) continue;
    note(group, name);
    if (QUERIES.has(name)) noteQuery(value);
    if (UPDATES.has(name)) noteUpdate(value);
    if (!STATEMENTS.has(name)) continue;
    const list = value.documents ?? value;
    for (const one of Array.isArray(list) ? list : []) noteFields(`${group}.${name}`, entriesOf(one));
  }
}

if (folder) {
  for (const { prototype } of [AbstractCursor, Admin, Collection, Db]) watch(prototype);
  watchIteration();
  const { command: original } = Connection.prototype;
  Connection.prototype.command = async function watched(ns, command, ...rest) {
    if (fromSrc.getStore() === true) {
      const [name] = Object.keys(command);
      note('commands', name);
      noteFields(
        name,
        Object.entries(command).filter(([field]) => !field.startsWith('$') && field !== 'lsid'),
      );
    }
    return original.call(this, ns, command, ...rest);
  };
}

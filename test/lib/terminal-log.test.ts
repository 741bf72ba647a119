import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { createLog } from '../../src/lib/log.ts';
import { terminalStream } from '../../src/lib/terminal-log.ts';

test('a terminal shows one line per message, and the addresses below the line of the start', () => {
  let shown = '';
  const terminal = new Writable({
    write(chunk, _encoding, done) {
      shown += String(chunk);
      done();
    },
  });
  const log = createLog('info', terminalStream(terminal));
  log.warn({ names: ['A'] }, 'ignoring unknown settings');
  log.info({ url: 'http://127.0.0.1:1', docs: 'http://127.0.0.1:1/docs', data: './data' }, 'listening');
  const plain = stripVTControlCharacters(shown).replaceAll(/\d\d:\d\d:\d\d/g, 'TIME');
  expect(plain).toBe(
    '[TIME] WARN: ignoring unknown settings {"names":["A"]}\n' +
      '[TIME] INFO: listening\n    API:  http://127.0.0.1:1/api/tasks\n    docs: http://127.0.0.1:1/docs\n    data: ./data\n',
  );
});

import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { createErrorTail } from '../../../src/supervisor/slots/error-tail.js';

// The tail copies what it reads.
vi.mock('../../../src/shared/output.js', () => ({ createOutput: () => ({ write: () => undefined }) }));

async function tailOf(...chunks: string[]) {
  const stream = new PassThrough();
  const tail = createErrorTail(stream);
  const ended = once(stream, 'end');
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await ended;
  return tail;
}

test('keeps the last line that says something, without colours, also if it has no end', async () => {
  const tail = await tailOf('first\r\nErr', 'or: \u001B[31mbroken\u001B[0m\n    at a.js:1\n', 'the last');
  expect(tail.lastLine()).toBe('the last');
  expect((await tailOf('Error: broken\n    at a.js:1\n\n')).lastLine()).toBe('Error: broken');
});

test('a line that never ends is cut, so that it does not grow without a bound', async () => {
  const tail = await tailOf(...Array.from({ length: 5 }, (_, i) => `${i}`.repeat(40_000)));
  expect(tail.lastLine()).toBe('4'.repeat(500));
});

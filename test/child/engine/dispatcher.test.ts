import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createDispatcher, type Dispatcher } from '../../../src/child/engine/dispatcher.js';
import type { AnalyzedImage, ImageSource } from '../../../src/child/engine/engine.js';
import type { Analysis, EngineThread } from '../../../src/child/engine/engine-calls.js';
import { ImageError } from '../../../src/shared/errors.js';
import { defer, type Deferred } from '../../support/deferred.js';

/** A thread that answers when the test says so. */
interface ScriptedThread extends EngineThread {
  /** The names of the images that it was given, in order. */
  readonly given: readonly string[];
  answer(name: string): Promise<void>;
  fail(name: string, error: Error): Promise<void>;
}

function createScriptedThread(): ScriptedThread {
  const given: string[] = [];
  const answers = new Map<string, Deferred<Analysis>>();
  return {
    given,
    call: (_: string, source: ImageSource) => {
      const name = source.kind === 'base64' ? source.text : '';
      const answer = defer<Analysis>();
      given.push(name);
      answers.set(name, answer);
      return answer.promise;
    },
    answer: async (name) => {
      answers.get(name)?.resolve({ image: imageOf(name), oomSteps: [] });
      await settle();
    },
    fail: async (name, error) => {
      answers.get(name)?.reject(error);
      await settle();
    },
    exited: new Promise(() => {}),
    stop: async () => {},
  };
}

const sourceOf = (name: string): ImageSource => ({ kind: 'base64', text: name });

/** Tells images apart by their width. */
const imageOf = (name: string): AnalyzedImage => ({ widthPx: name.charCodeAt(0), heightPx: 1, faces: [] });

const settle = (): Promise<void> => new Promise(setImmediate);

function analyze(
  dispatcher: Dispatcher,
  name: string,
  { signal, urgent = false }: { readonly signal?: AbortSignal | undefined; readonly urgent?: boolean } = {},
): Promise<AnalyzedImage> {
  return dispatcher.submit(async (thread) => (await thread.call('analyze', sourceOf(name))).image, {
    signal,
    urgent,
  });
}

/** Asks for images one after another; what becomes of each is kept by its name. */
function ask(
  dispatcher: Dispatcher,
  names: string,
  signal?: AbortSignal,
): Record<string, AnalyzedImage | Error> {
  const outcomes: Record<string, AnalyzedImage | Error> = {};
  for (const name of names) {
    analyze(dispatcher, name, { signal }).then(
      (image) => (outcomes[name] = image),
      (error: unknown) => (outcomes[name] = error as Error),
    );
  }
  return outcomes;
}

describe('a dispatcher', () => {
  it('runs requests in order, and returns each its own answer', async () => {
    const thread = createScriptedThread();
    const outcomes = ask(createDispatcher([thread], 2), 'abcde');
    for (const name of 'abcde') await thread.answer(name);
    expect(thread.given.join('')).toBe('abcde');
    expect(outcomes).toEqual({
      a: imageOf('a'),
      b: imageOf('b'),
      c: imageOf('c'),
      d: imageOf('d'),
      e: imageOf('e'),
    });
  });

  it('gives a thread no more requests at once than allowed', async () => {
    const thread = createScriptedThread();
    ask(createDispatcher([thread], 2), 'abcd');
    expect(thread.given).toEqual(['a', 'b']);
    await thread.answer('b');
    expect(thread.given).toEqual(['a', 'b', 'c']);
    await thread.answer('a');
    expect(thread.given).toEqual(['a', 'b', 'c', 'd']);
  });

  it('chooses the thread with the fewest requests in flight', async () => {
    const [first, second] = [createScriptedThread(), createScriptedThread()];
    ask(createDispatcher([first, second], 2), 'abcdef');
    expect([first.given, second.given]).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ]);
    await second.answer('b');
    await second.answer('d');
    expect([first.given, second.given]).toEqual([
      ['a', 'c'],
      ['b', 'd', 'e', 'f'],
    ]);
  });

  it('prefers an idle thread to a busy one', async () => {
    const [first, second] = [createScriptedThread(), createScriptedThread()];
    const dispatcher = createDispatcher([first, second], 2);
    ask(dispatcher, 'abc');
    await second.answer('b');
    ask(dispatcher, 'd');
    await first.answer('a');
    await first.answer('c');
    ask(dispatcher, 'e');
    expect([first.given, second.given]).toEqual([
      ['a', 'c', 'e'],
      ['b', 'd'],
    ]);
  });

  it('continues with the next request after one has failed', async () => {
    const thread = createScriptedThread();
    const outcomes = ask(createDispatcher([thread], 2), 'abc');
    const fault = new ImageError('The image is empty.');
    await thread.fail('a', fault);
    expect(outcomes).toEqual({ a: fault });
    expect(thread.given).toEqual(['a', 'b', 'c']);
  });
});

describe('an aborted request', () => {
  const reason = new Error('cancelled');

  it('reaches no thread if it was aborted before it was submitted', async () => {
    const thread = createScriptedThread();
    const outcomes = ask(createDispatcher([thread], 2), 'a', AbortSignal.abort(reason));
    await settle();
    expect(outcomes['a']).toBe(reason);
    expect(thread.given).toEqual([]);
  });

  it('leaves the queue if it was waiting', async () => {
    const thread = createScriptedThread();
    const dispatcher = createDispatcher([thread], 2);
    const stop = new AbortController();
    const kept = ask(dispatcher, 'ab');
    const dropped = ask(dispatcher, 'cd', stop.signal);
    const behind = ask(dispatcher, 'e');
    stop.abort(reason);
    await settle();
    expect(dropped).toEqual({ c: reason, d: reason });
    await thread.answer('a');
    expect(thread.given).toEqual(['a', 'b', 'e']);
    await thread.answer('e');
    expect([kept, behind]).toEqual([{ a: imageOf('a') }, { e: imageOf('e') }]);
  });

  it('is rejected at once if it was running, but its thread stays busy until the work ends', async () => {
    const thread = createScriptedThread();
    const dispatcher = createDispatcher([thread], 2);
    const stop = new AbortController();
    const dropped = ask(dispatcher, 'ab', stop.signal);
    ask(dispatcher, 'c');
    stop.abort(reason);
    await settle();
    expect(dropped).toEqual({ a: reason, b: reason });
    expect(thread.given).toEqual(['a', 'b']);
    await thread.answer('a');
    expect(dropped['a']).toBe(reason);
    expect(thread.given).toEqual(['a', 'b', 'c']);
  });

  it('keeps its answer if it was done, and leaves no listener on the signal', async () => {
    const thread = createScriptedThread();
    const stop = new AbortController();
    const outcomes = ask(createDispatcher([thread], 2), 'abc', stop.signal);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(3);
    for (const name of 'ab') await thread.answer(name);
    await thread.fail('c', new Error('device lost'));
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    stop.abort(reason);
    await settle();
    expect(outcomes['a']).toEqual(imageOf('a'));
  });
});

describe('a closed dispatcher', () => {
  const reason = new Error('An engine thread died');

  it('rejects waiting, running and future requests, and gives the threads no more work', async () => {
    const thread = createScriptedThread();
    const dispatcher = createDispatcher([thread], 2);
    const before = ask(dispatcher, 'abcd');
    dispatcher.close(reason);
    const after = ask(dispatcher, 'e');
    await settle();
    expect(before).toEqual({ a: reason, b: reason, c: reason, d: reason });
    expect(after).toEqual({ e: reason });
    for (const name of 'ab') await thread.answer(name);
    expect(thread.given).toEqual(['a', 'b']);
    expect(before['a']).toBe(reason);
  });

  it('keeps the first reason', async () => {
    const dispatcher = createDispatcher([createScriptedThread()], 2);
    dispatcher.close(reason);
    dispatcher.close(new Error('The engine has stopped'));
    await expect(analyze(dispatcher, 'a')).rejects.toBe(reason);
  });
});

describe('urgent requests', () => {
  it('run in order, before all waiting requests that are not urgent', async () => {
    const thread = createScriptedThread();
    const dispatcher = createDispatcher([thread], 2);
    ask(dispatcher, 'abcd');
    for (const name of 'xy') void analyze(dispatcher, name, { urgent: true });
    for (const name of 'abxycd') await thread.answer(name);
    expect(thread.given.join('')).toBe('abxycd');
  });
});

describe('silentMs', () => {
  it('is the time since work last began or ended, and 0 without work', async () => {
    let nowMs = 1000;
    const thread = createScriptedThread();
    const dispatcher = createDispatcher([thread], 2, () => nowMs);
    const silentAfter = (ms: number): number => {
      nowMs += ms;
      return dispatcher.silentMs();
    };

    expect(silentAfter(500)).toBe(0);
    ask(dispatcher, 'a');
    expect(silentAfter(0)).toBe(0);
    expect(silentAfter(70)).toBe(70);
    // More work is no sign of life, whether it starts at once or waits.
    ask(dispatcher, 'bcd');
    expect(silentAfter(30)).toBe(100);
    await thread.answer('a');
    expect(silentAfter(0)).toBe(0);
    expect(silentAfter(40)).toBe(40);
    await thread.fail('b', new ImageError('The image is empty.'));
    expect(silentAfter(5)).toBe(5);
    for (const name of 'cd') await thread.answer(name);
    expect(silentAfter(5000)).toBe(0);
  });

  it('also counts work whose request was aborted', async () => {
    let nowMs = 0;
    const dispatcher = createDispatcher([createScriptedThread()], 2, () => nowMs);
    const stop = new AbortController();
    ask(dispatcher, 'a', stop.signal);
    stop.abort(new Error('cancelled'));
    await settle();
    nowMs = 60_000;
    expect(dispatcher.silentMs()).toBe(60_000);
  });
});

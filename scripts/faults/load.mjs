import { setTimeout as sleep } from 'node:timers/promises';
import { drawPerson, PERSONS, STAGE } from './testbed.mjs';

/** How many times a poisonous job's photo is looked at: it has to run until somebody kills its worker. */
const POISON_PHOTOS = 2000;

/**
 * Adds searches at a steady pace, each with one right answer.
 *
 * @param {import('bullmq').Queue} queue
 */
export async function createLoad(queue) {
  const selfies = await Promise.all(
    Array.from({ length: PERSONS }, async (_, person) => (await drawPerson(person)).toString('base64')),
  );
  /** @type {Map<string, string>} job id -> id of the photo that it has to find */
  const expected = new Map();
  const stop = new AbortController();

  const addOne = async () => {
    const number = expected.size;
    const person = number % PERSONS;
    const jobId = `job-${number}`;
    expected.set(jobId, `${STAGE}/p${person}.png`);
    await queue.add('search', { image: selfies[person], stage: STAGE }, { jobId });
  };

  return {
    expected,
    /**
     * Until it is stopped.
     *
     * @param {number} perSecond
     */
    run: async (perSecond) => {
      while (!stop.signal.aborted) {
        await addOne();
        await sleep(1000 / perSecond);
      }
    },
    stop: () => stop.abort(),
    /** A job that runs until its worker is killed. @param {string} jobId */
    addPoison: (jobId) => {
      const gallery = Array.from({ length: POISON_PHOTOS }, (_, i) => ({
        id: `${i}`,
        path: `${STAGE}/p0.png`,
      }));
      return queue.add('search', { image: selfies[0], gallery }, { jobId });
    },
  };
}

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawPerson, PERSONS, STAGE } from './testbed.mjs';

/** Photos of a poisonous job: enough to run until its worker is killed. */
const POISON_PHOTOS = 1000;
/** Jobs between two new gallery photos, which must be indexed first. */
const JOBS_PER_NEW_PHOTO = 10;
const TRY_AGAIN_MS = 500;
const FIRST_STRANGER = 100;
const STRANGERS = 900;

/**
 * Adds searches at a steady pace, each with one correct result.
 *
 * @param {import('bullmq').Queue} queue
 * @param {string} galleryFolder
 */
export async function createLoad(queue, galleryFolder) {
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
    if (number % JOBS_PER_NEW_PHOTO === 0) {
      const stranger = await drawPerson(FIRST_STRANGER + (number % STRANGERS));
      await writeFile(path.join(galleryFolder, `stranger-${number}.png`), stranger);
    }
    const add = () => queue.add('search', { image: selfies[person], stage: STAGE }, { jobId });
    // A Redis that refuses writes refuses the job, too. A student would try again.
    while (!stop.signal.aborted) {
      const error = await add().then(
        () => null,
        (/** @type {Error} */ reason) => reason,
      );
      if (error === null) {
        expected.set(jobId, `${STAGE}/p${person}.png`);
        return;
      }
      if (!/OOM|READONLY/.test(error.message)) throw error;
      await sleep(TRY_AGAIN_MS);
    }
  };

  return {
    expected,
    /**
     * Adds jobs until it is stopped.
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
      const photo = Buffer.from(selfies[0] ?? '', 'base64');
      const gallery = Array.from({ length: POISON_PHOTOS }, (_, i) => ({
        id: `${i}`,
        // Bytes after the end of a PNG are ignored, but give the photo a new hash.
        image: Buffer.concat([photo, Buffer.from(`${jobId} ${i}`)]).toString('base64'),
      }));
      return queue.add('search', { image: selfies[0], gallery }, { jobId });
    },
  };
}

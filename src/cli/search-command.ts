import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { Queue, QueueEvents } from 'bullmq';
import type { SearchMatch } from '../shared/job.js';
import { type Connection, connect, warnWithoutWorkers } from './connect.js';
import { openInBrowser, writeContactSheet } from './contact-sheet.js';
import { linkPhotos } from './photo-links.js';
import { readSelfies } from './read-selfies.js';
import { stageBelow } from './stage-below.js';
import { duplicateRedis } from '../shared/open-redis.js';
import { count, createProgressBar, formatTable, printableJson } from './terminal.js';

/** Time in which a result can be fetched again, if this process is stopped before it has read it. */
const KEEP_RESULT_S = 3600;

export interface SearchOptions {
  readonly stage: string;
  readonly threshold?: number;
  readonly limit?: number;
  readonly json?: boolean;
  readonly open?: boolean;
}

/** Adds a search as the portal does, and waits for its result. */
export async function searchCommand(files: readonly string[], options: SearchOptions): Promise<void> {
  const connection = await connect();
  const { config } = connection;
  const galleryDir = config.gallery.dir;
  if (options.open && galleryDir === null)
    throw new InvalidArgumentError('--open needs GALLERY_DIR, the folder with the photos.');
  const stage = stageBelow(galleryDir, options.stage);
  const images = await readSelfies(files, config);
  await warnWithoutWorkers(connection.redis);
  const startedAt = performance.now();
  const matches = await search(connection, {
    images,
    // The portal's page reads these two of every job in the queue.
    uid: 'command-line',
    stage,
    timestamp: Date.now(),
    boxes: true,
    threshold: options.threshold,
    limit: options.limit,
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(2);

  if (options.json) process.stdout.write(`${printableJson(matches)}\n`);
  else {
    const rows = matches.map(({ id, score }, i) => [String(i + 1), id, score.toFixed(3)]);
    if (rows.length > 0) process.stdout.write(`${formatTable([['#', 'photo', 'score'], ...rows])}\n`);
    process.stdout.write(`${count(matches.length, 'photo')} in ${seconds} s\n`);
  }
  if (options.open && galleryDir !== null) {
    const page = await writeContactSheet(matches, {
      linkOf: await linkPhotos(matches, galleryDir, config),
      title: stage,
      selfies: files.map((file) => path.resolve(file)),
      threshold: options.threshold,
      seconds,
    });
    process.stderr.write(`${page}\n`);
    if (!(await openInBrowser(page)))
      process.stderr.write('Could not open a browser here; open the file above.\n');
  }
}

async function search({ config, redis }: Connection, data: object): Promise<SearchMatch[]> {
  const { name, prefix } = config.queue;
  const queue = new Queue(name, { connection: redis, prefix });
  const events = new QueueEvents(name, { connection: duplicateRedis(redis), prefix });
  await events.waitUntilReady();
  const show = createProgressBar();
  const job = await queue.add('process-face', data, {
    removeOnComplete: { age: KEEP_RESULT_S },
    removeOnFail: { age: KEEP_RESULT_S },
  });
  events.on('progress', ({ jobId, data: progress }) => {
    const percent = Number(progress);
    if (jobId === job.id && Number.isFinite(percent)) show(percent / 100, `${percent} %`);
  });
  try {
    return (await job.waitUntilFinished(events)) as SearchMatch[];
  } finally {
    await events.close();
  }
}

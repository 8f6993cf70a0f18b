import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Queue, QueueEvents } from 'bullmq';
import type { SearchMatch } from '../shared/job.js';
import { type Connection, connect } from './connect.js';
import { writeContactSheet } from './contact-sheet.js';
import { warnWithoutWorkers } from './warn-without-workers.js';
import { openInBrowser } from './open-in-browser.js';
import { createProgressBar } from './progress-bar.js';
import { formatTable } from './table.js';
import { UsageError } from './usage-error.js';

/** Searches as the portal does: adds a job, and waits for a worker's answer. */
export async function searchCommand(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      stage: { type: 'string' },
      threshold: { type: 'string' },
      limit: { type: 'string' },
      json: { type: 'boolean', default: false },
      open: { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new UsageError('Say whom to search for: a selfie, or several.');
  if (values.stage === undefined)
    throw new UsageError('Say with --stage which folder below GALLERY_DIR to search.');
  const images = await Promise.all(
    positionals.map(async (file) => (await readFile(file)).toString('base64')),
  );
  const data = {
    images,
    stage: values.stage,
    boxes: true,
    ...(values.threshold !== undefined && { threshold: numberOf('threshold', values.threshold) }),
    ...(values.limit !== undefined && { limit: numberOf('limit', values.limit) }),
  };

  const connection = await connect();
  await warnWithoutWorkers(connection.redis);
  const startedAt = performance.now();
  const matches = await search(connection, data);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(2);

  if (values.json) process.stdout.write(`${JSON.stringify(matches, null, 2)}\n`);
  else {
    const rows = matches.map(({ id, score }, i) => [String(i + 1), id, score.toFixed(3)]);
    if (rows.length > 0) process.stdout.write(`${formatTable([['#', 'photo', 'score'], ...rows])}\n`);
    process.stdout.write(`${matches.length} photos in ${seconds} s\n`);
  }
  if (values.open) {
    const { dir } = connection.config.gallery;
    if (dir === null) throw new UsageError('Set GALLERY_DIR, so that the photos can be shown.');
    const page = await writeContactSheet(matches, { galleryDir: dir, title: values.stage });
    process.stderr.write(`${page}\n`);
    await openInBrowser(page);
  }
}

async function search({ config, redis }: Connection, data: object): Promise<SearchMatch[]> {
  const { name, prefix } = config.queue;
  const queue = new Queue(name, { connection: redis, prefix });
  const events = new QueueEvents(name, { connection: redis.duplicate({ lazyConnect: false }), prefix });
  await events.waitUntilReady();
  const show = createProgressBar();
  const job = await queue.add('search', data, { removeOnComplete: true, removeOnFail: true });
  events.on('progress', ({ jobId, data: progress }) => {
    const percent = Number(progress);
    if (jobId === job.id) show(percent / 100, `${percent} %`);
  });
  try {
    return (await job.waitUntilFinished(events)) as SearchMatch[];
  } finally {
    await events.close();
  }
}

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new UsageError(`--${option} must be a number, but is "${text}".`);
  return value;
}

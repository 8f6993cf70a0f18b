import { InvalidArgumentError } from 'commander';
import { openPhotoSource } from '../gallery/source/photo-source.js';
import { findModelPack } from '../shared/model-pack.js';
import { connect, warnWithoutWorkers } from './connect.js';
import { indexStage } from './index-pass.js';
import { untilInterrupted } from './interrupts.js';
import { stageBelow } from './stage-below.js';
import { createStageIndexer } from './stage-indexer.js';
import { count } from './terminal.js';
import { watchStage } from './watch-stage.js';

interface IndexOptions {
  readonly pack?: string;
  readonly watch?: boolean;
}

/** Queues all photos of a stage that are not indexed yet, and shows the progress. */
export async function indexCommand(
  wanted: string,
  { pack: wantedPack, watch = false }: IndexOptions,
): Promise<void> {
  const connection = await connect({ reconnects: watch });
  const { gallery, engine } = connection.config;
  if (gallery.dir === null)
    throw new InvalidArgumentError('Set GALLERY_DIR to the same folder as on the workers.');
  const stage = stageBelow(gallery.dir, wanted);
  const pack = await findModelPack(wantedPack ?? engine.modelPack, engine.modelsDir);
  const source = openPhotoSource(gallery.dir, gallery.s3);
  const indexer = createStageIndexer(connection, source, pack);
  const onWork = (): Promise<void> => warnWithoutWorkers(connection.redis, pack.name);

  if (watch) {
    const signal = untilInterrupted();
    await watchStage(() => indexStage(indexer, stage, onWork, signal), source.listingIntervalMs, signal);
    return;
  }
  const { summary, skipped, missing } = await indexStage(indexer, stage, onWork);
  for (const line of [summary, ...skipped, ...missing]) process.stdout.write(`${line}\n`);
  if (missing.length > 0)
    throw new Error(`${count(missing.length, 'photo')} could not be indexed; the workers' logs say why.`);
}

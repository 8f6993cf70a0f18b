import { InvalidArgumentError } from 'commander';
import { expansionRuleOf } from '../gallery/expand-probe.js';
import { findPerson } from '../gallery/store/find-person.js';
import { forgetPerson, type PersonPhoto } from '../gallery/store/forget-person.js';
import { createOptOuts, type Person } from '../gallery/store/opt-outs.js';
import { createCalibration } from '../shared/calibration.js';
import { confirm } from './confirm.js';
import { type Connection, connect } from './connect.js';
import { embedSelfies } from './embed-selfies.js';
import { findPersonTargets, type SearchablePack, type UnsearchablePack } from './person-targets.js';
import { readSelfies } from './read-selfies.js';
import { count, createProgressBar, formatTable, printable } from './terminal.js';

/** A false match rate of 1e-5 in the calibration of every pack. */
const DEFAULT_THRESHOLD = 0.6;
/** A false match rate of 1e-3. */
const MIN_THRESHOLD = 0.4;

export interface ForgetPersonOptions {
  readonly threshold?: number;
  readonly optOut: boolean;
  readonly isDry: boolean;
  readonly yes: boolean;
}

interface Target extends SearchablePack {
  readonly person: Person;
  readonly scoreOf: (cosine: number) => number;
}

interface FoundPhoto extends PersonPhoto {
  readonly score: number;
}

/** Deletes the faces of one person from the whole index, and keeps the person out of it. */
export async function forgetPersonCommand(
  files: readonly string[],
  { threshold = DEFAULT_THRESHOLD, optOut, isDry, yes }: ForgetPersonOptions,
): Promise<void> {
  if (threshold < MIN_THRESHOLD) {
    throw new InvalidArgumentError(
      `--threshold must be at least ${MIN_THRESHOLD}: at that score, one face in 1000 is already another person's.`,
    );
  }
  const connection = await connect();
  const selfies = await readSelfies(files, connection.config);
  const { searchable, unsearchable } = await findPersonTargets(connection);
  const targets: Target[] = [];
  for (const pack of searchable) targets.push(await embed(connection, pack, selfies, threshold));
  const found = await search(connection, targets, true);
  printPhotos(found);
  const deleted = found.filter(({ isKept }) => !isKept);
  if (deleted.length === 0 && !optOut) {
    throw new Error(`No face in the index reaches the score ${threshold}, so there is nothing to delete.`);
  }
  if (isDry) {
    const also = optOut ? ', and add the person to the opt-out list' : '';
    process.stdout.write(`Would delete ${summarize(deleted)}${also}. Nothing was changed.\n`);
  } else if (!yes && !(await confirm(questionOf(deleted, optOut)))) {
    process.stdout.write('Nothing was changed.\n');
    return;
  } else {
    // The opt-out comes first: photos that are being indexed now are then stored without the person, or found below.
    const ids = optOut ? await addOptOuts(connection, targets) : [];
    const gone = (await search(connection, targets, false)).filter(({ isKept }) => !isKept);
    const also = ids.length > 0 ? ` The person is on the opt-out list (${ids.join(', ')}).` : '';
    process.stdout.write(`Deleted ${summarize(gone)}.${also}\n`);
  }
  reportUnsearchable(unsearchable);
}

async function embed(
  connection: Connection,
  searchable: SearchablePack,
  selfies: readonly string[],
  threshold: number,
): Promise<Target> {
  const { key, pack, photos } = searchable;
  const calibration = createCalibration(pack.calibration);
  const { embedding, notes } = await embedSelfies(connection, selfies, key);
  for (const note of notes) process.stderr.write(`${printable(note)}\n`);
  const person = await findPerson(connection.redis, {
    probe: { embedding, minCosine: calibration.cosineOf(threshold) },
    packKey: key,
    rule: expansionRuleOf(calibration),
    onRead: showRead(`Searched (${pack.name})`, photos),
  });
  return { ...searchable, scoreOf: calibration.scoreOf, person };
}

/** Finds the person in the index, and deletes the faces unless `isDry`. */
async function search(
  { config, redis }: Connection,
  targets: readonly Target[],
  isDry: boolean,
): Promise<FoundPhoto[]> {
  const found: FoundPhoto[] = [];
  for (const { photos, person, scoreOf, pack } of targets) {
    const shown = await forgetPerson(redis, person, {
      isDry,
      excludedStage: config.gallery.excludedStage,
      onRead: showRead(`${isDry ? 'Compared' : 'Deleting in'} (${pack.name})`, photos),
    });
    found.push(...shown.map((photo) => ({ ...photo, score: scoreOf(photo.cosine) })));
  }
  return found;
}

/** Shows the progress of a walk through the index. */
function showRead(what: string, photos: number): (more: number) => void {
  const show = createProgressBar();
  let read = 0;
  return (more) => {
    read += more;
    show(Math.min(1, read / Math.max(1, photos)), `${what}: ${read} of ${count(photos, 'photo')}`);
  };
}

function addOptOuts({ redis }: Connection, targets: readonly Target[]): Promise<string[]> {
  const optOuts = createOptOuts(redis);
  return Promise.all(targets.map(async ({ person }) => (await optOuts.add(person)).id));
}

/** One row a file, stage by stage, the most similar photo first. */
function printPhotos(photos: readonly FoundPhoto[]): void {
  const rows = photos
    .flatMap(({ paths, score, isKept }) =>
      (paths.length > 0 ? paths : ['']).map((path) => ({
        stage: path.slice(0, Math.max(0, path.lastIndexOf('/'))),
        photo: path === '' ? '(no file refers to it)' : path.slice(path.lastIndexOf('/') + 1),
        score,
        note: isKept ? 'stays: in EXCLUDED_STAGE' : '',
      })),
    )
    .toSorted((a, b) => compare(a.stage, b.stage) || b.score - a.score || compare(a.photo, b.photo));
  if (rows.length === 0) return;
  const cells = rows.map(({ stage, photo, score, note }) => [stage, photo, score.toFixed(3), note]);
  process.stdout.write(`${formatTable([['stage', 'photo', 'score', ''], ...cells])}\n`);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function summarize(photos: readonly PersonPhoto[]): string {
  const faces = photos.reduce((sum, photo) => sum + photo.faces, 0);
  const stages = new Set(photos.flatMap(({ paths }) => paths.map((path) => path.replace(/\/[^/]*$/, ''))));
  return `${count(faces, 'face')} of the person in ${count(photos.length, 'photo')} of ${count(stages.size, 'stage')}`;
}

function questionOf(photos: readonly PersonPhoto[], optOut: boolean): string {
  const also = optOut ? ', and add the person to the opt-out list' : '';
  return `Delete ${summarize(photos)}${also}?`;
}

/** @throws {Error} the person may be in photos that were not searched */
function reportUnsearchable(packs: readonly UnsearchablePack[]): void {
  if (packs.length === 0) return;
  const lines = packs.map(
    ({ key, photos, reason }) =>
      `Not searched: ${count(photos, 'photo')} of the model pack ${key}: ${reason}. Delete their faces with: face-search forget --pack ${key}`,
  );
  throw new Error(lines.join('\n'));
}

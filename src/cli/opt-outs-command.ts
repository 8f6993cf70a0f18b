import { describeOptOutGap } from '../gallery/store/opt-out-gap.js';
import { createOptOuts } from '../gallery/store/opt-outs.js';
import { findModelPack, packKey } from '../shared/model-pack.js';
import { readFleet } from '../shared/fleet-records.js';
import { type Connection, connect } from './connect.js';
import { formatTable, printable, printableJson } from './terminal.js';

/** Lists the people who have opted out, and warns of packs that lack some. Their embeddings are not shown. */
export async function optOutsCommand({ json = false }: { readonly json?: boolean }): Promise<void> {
  const connection = await connect();
  const optOuts = await createOptOuts(connection.redis).list();
  const entries = optOuts.map((entry) => ({
    id: entry.id,
    added: new Date(entry.addedMs).toISOString(),
    pack: entry.packKey,
  }));
  if (json) process.stdout.write(`${printableJson(entries)}\n`);
  else if (entries.length === 0) process.stdout.write('The opt-out list is empty.\n');
  else {
    const rows = entries.map(({ id, added, pack }) => [id, added, pack]);
    process.stdout.write(`${formatTable([['id', 'added', 'model pack'], ...rows])}\n`);
  }
  for (const key of await packsInUse(connection)) {
    const gap = describeOptOutGap(optOuts, key);
    if (gap !== null) process.stderr.write(`Warning: ${printable(gap)}\n`);
  }
}

/** Keys of the packs of this machine and of all online workers, as far as their files are here. */
async function packsInUse({ config, redis }: Connection): Promise<string[]> {
  const { modelPack, modelsDir, galleryUpright } = config.engine;
  const online = (await readFleet(redis)).filter(({ status }) => status === 'online');
  const names = new Set([modelPack, ...online.flatMap(({ record }) => record.model_pack ?? [])]);
  const keys = Array.from(names, async (name) => {
    const pack = await findModelPack(name, modelsDir).catch(() => null);
    return pack === null ? [] : [packKey(pack, galleryUpright)];
  });
  return (await Promise.all(keys)).flat();
}

/** Takes one person off the list. */
export async function removeOptOutCommand(id: string): Promise<void> {
  const { redis } = await connect();
  if ((await createOptOuts(redis).remove(id)) === null) {
    throw new Error(`The opt-out list has no entry "${id}". List the entries with: face-search opt-outs`);
  }
  process.stdout.write(
    `Removed ${id} from the opt-out list. New and changed photos are indexed with this person again. For the other photos of a stage, run "face-search forget STAGE", then "face-search index STAGE".\n`,
  );
}

import { createOptOuts } from '../gallery/store/opt-outs.js';
import { connect } from './connect.js';
import { formatTable, printableJson } from './terminal.js';

/** Lists the people who have opted out. Their embeddings are not shown. */
export async function optOutsCommand({ json = false }: { readonly json?: boolean }): Promise<void> {
  const { redis } = await connect();
  const entries = (await createOptOuts(redis).list()).map(({ id, addedMs, packKey }) => ({
    id,
    added: new Date(addedMs).toISOString(),
    pack: packKey,
  }));
  if (json) process.stdout.write(`${printableJson(entries)}\n`);
  else if (entries.length === 0) process.stdout.write('The opt-out list is empty.\n');
  else {
    const rows = entries.map(({ id, added, pack }) => [id, added, pack]);
    process.stdout.write(`${formatTable([['id', 'added', 'model pack'], ...rows])}\n`);
  }
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

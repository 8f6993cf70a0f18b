import { countPhotosByPack } from '../gallery/store/scan-photos.js';
import { messageOf } from '../shared/errors.js';
import { readFleet } from '../shared/fleet-records.js';
import { findModelPack, type ModelPack, packKey } from '../shared/model-pack.js';
import type { Connection } from './connect.js';

/** A model pack in which a person can be searched. */
export interface SearchablePack {
  readonly key: string;
  readonly pack: ModelPack;
  /** Photos in the index. */
  readonly photos: number;
}

/** Photos in the index that no embedding can be compared with. */
export interface UnsearchablePack {
  readonly key: string;
  readonly photos: number;
  readonly reason: string;
}

export interface PersonTargets {
  readonly searchable: readonly SearchablePack[];
  readonly unsearchable: readonly UnsearchablePack[];
}

/**
 * The model packs of the index and of the online workers. A pack can be searched if a worker runs it and its files are on
 * this machine.
 *
 * @throws {Error} no worker is online
 */
export async function findPersonTargets({ config, redis }: Connection): Promise<PersonTargets> {
  const { modelsDir, galleryUpright } = config.engine;
  const fleet = await readFleet(redis);
  const online = fleet.filter(({ status }) => status === 'online');
  if (online.length === 0) {
    const others = fleet.map(({ record, status }) => `${record.id} is ${status}`).join(', ');
    throw new Error(
      `No worker is online${others === '' ? '' : ` (${others})`}, and only a worker can find the face in the selfie. Start one with: node dist/supervisor.js`,
    );
  }
  const names = new Set(online.flatMap(({ record }) => record.model_pack ?? []));
  const photos = await countPhotosByPack(redis);
  const searchable: SearchablePack[] = [];
  const problems = new Map<string, string>();
  for (const name of names) {
    const pack = await findModelPack(name, modelsDir).catch((error: unknown) => {
      problems.set(name, messageOf(error));
      return null;
    });
    if (pack === null) continue;
    const own = packKey(pack, galleryUpright);
    const other = packKey(pack, !galleryUpright);
    searchable.push({ key: own, pack, photos: photos.get(own) ?? 0 });
    // Workers with another GALLERY_UPRIGHT use this key.
    if (photos.has(other)) {
      problems.set(other, 'they were computed with another GALLERY_UPRIGHT than this machine has');
    }
  }
  const unsearchable = Array.from(photos, ([key, count]) => ({ key, photos: count }))
    .filter(({ key }) => !searchable.some((target) => target.key === key))
    .map(({ key, photos: count }) => {
      const name = nameOf(key);
      const unknown = names.has(name)
        ? 'they are of another version of the pack'
        : 'no online worker runs it';
      return { key, photos: count, reason: problems.get(key) ?? problems.get(name) ?? unknown };
    });
  return { searchable, unsearchable };
}

/** The name of a pack in its key. */
function nameOf(key: string): string {
  return key.replace(/-[0-9a-f]{8}$/, '');
}

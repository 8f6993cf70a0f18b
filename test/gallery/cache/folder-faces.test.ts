import { expect, test } from 'vitest';
import { createFolderFaces, type FolderStores } from '../../../src/gallery/cache/folder-faces.js';
import { NO_LIMITS } from '../../../src/gallery/face-quality.js';
import { createBlockPool } from '../../../src/gallery/matrix/block-pool.js';
import { defer } from '../../support/deferred.js';

/** Contents that were forgotten, and how often they were copied. */
class Forgotten extends Set<string> {
  copies = 0;

  override [Symbol.iterator](): ReturnType<Set<string>['values']> {
    this.copies += 1;
    return super[Symbol.iterator]();
  }
}

test('keeps contents that are forgotten only while an update may have read them', async () => {
  const reading = defer<null[]>();
  const stores: FolderStores = {
    embeddings: { read: async () => [] },
    files: { read: () => reading.promise, names: async () => [], remove: async () => {} },
    badPhotos: { read: async () => [null] },
  };
  const folder = createFolderFaces({ folder: 'a', stores, pool: createBlockPool(2), limits: NO_LIMITS });
  const forgotten = new Forgotten(['x']);
  folder.drop(forgotten);
  expect(forgotten.copies).toBe(0);
  const updating = folder.update([{ name: '1.jpg', sizeBytes: 1, changedMs: 1 }]);
  await Promise.resolve();
  folder.drop(forgotten);
  expect(forgotten.copies).toBe(1);
  reading.resolve([null]);
  await updating;
  folder.drop(forgotten);
  expect(forgotten.copies).toBe(1);
});

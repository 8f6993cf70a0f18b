import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { type Networks, openNetworks } from '../../../src/child/engine/networks.js';
import { compareNetworks, checkProvider } from '../../../src/child/engine/check-provider.js';
import { createModelFolder, type ModelFolder } from '../../support/model-folder.js';

let models: ModelFolder;
let pack: ModelPack;
let reference: Networks;
beforeEach(async () => {
  models = await createModelFolder();
  pack = await findModelPack('tiny', models.directory);
  reference = await openNetworks(pack, 'cpu', 1);
});
afterEach(async () => {
  await reference.release();
  await models.remove();
});

/** Networks that compute what the CPU does, and then something of their own. */
function spoilt(change: (value: number, index: number) => number, what: 'detector' | 'embedder'): Networks {
  return {
    ...reference,
    runEmbedder: async (...args) => {
      const embedding = await reference.runEmbedder(...args);
      return what === 'embedder' ? embedding.map(change) : embedding;
    },
    runDetector: async (...args) => {
      const outputs = await reference.runDetector(...args);
      if (what === 'embedder') return outputs;
      return new Map([...outputs].map(([name, values]) => [name, values.map(change)]));
    },
  };
}

describe('a provider', () => {
  it('that computes what the CPU does is trusted', async () => {
    await checkProvider(pack, 'cpu', 1);
  });

  it('that rounds a little otherwise is trusted', async () => {
    for (const what of ['detector', 'embedder'] as const) {
      await compareNetworks(
        pack,
        spoilt((value) => value * 1.001, what),
        reference,
      );
    }
  });

  it('whose embedding is another is refused', async () => {
    const wrong = spoilt((value, i) => (i % 3 === 0 ? -value : value), 'embedder');
    await expect(compareNetworks(pack, wrong, reference)).rejects.toThrow(
      /^its embedding of a test picture has a cosine of -?0\.\d{4} with the CPU's, less than 0\.999$/,
    );
  });

  it('whose detector sees something else is refused', async () => {
    const wrong = spoilt((value, i) => (i === 7 ? value + 0.5 : value), 'detector');
    await expect(compareNetworks(pack, wrong, reference)).rejects.toThrow(
      /^its detector's output "\w+" for a test picture is \d+\.\d % off the CPU's, more than 2 %$/,
    );
  });

  it.each(['detector', 'embedder'] as const)('whose %s gives no numbers is refused', async (what) => {
    const wrong = spoilt(() => Number.NaN, what);
    await expect(compareNetworks(pack, wrong, reference)).rejects.toThrow('a test picture');
  });

  it('that is not in this build of the runtime is refused with its reason', async () => {
    const absent = process.platform === 'win32' ? 'coreml' : 'dml';
    await expect(checkProvider(pack, absent, 1)).rejects.toThrow(`[${absent}] backend not found`);
  });
});

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

describe('checking a provider', () => {
  it('accepts a provider that computes the same as the CPU', async () => {
    await checkProvider(pack, 'cpu', 1);
  });

  it('accepts small rounding differences', async () => {
    for (const what of ['detector', 'embedder'] as const) {
      await compareNetworks(
        pack,
        spoilt((value) => value * 1.001, what),
        reference,
      );
    }
  });

  it('rejects a different embedding', async () => {
    const wrong = spoilt((value, i) => (i % 3 === 0 ? -value : value), 'embedder');
    await expect(compareNetworks(pack, wrong, reference)).rejects.toThrow(
      /^its embedding of a test image has a cosine of -?0\.\d{4} with the CPU's, less than 0\.999$/,
    );
  });

  it('rejects a different detector output', async () => {
    const wrong = spoilt((value, i) => (i === 7 ? value + 0.5 : value), 'detector');
    await expect(compareNetworks(pack, wrong, reference)).rejects.toThrow(
      /^its detector's output "\w+" for a test image deviates by \d+\.\d % from the CPU's, more than 2 %$/,
    );
  });

  it.each(['detector', 'embedder'] as const)('rejects a %s that returns NaN', async (what) => {
    const wrong = spoilt(() => Number.NaN, what);
    await expect(compareNetworks(pack, wrong, reference)).rejects.toThrow('a test image');
  });

  it('rejects a provider that this build of the runtime lacks, and says why', async () => {
    const absent = process.platform === 'win32' ? 'coreml' : 'dml';
    await expect(checkProvider(pack, absent, 1)).rejects.toThrow(`[${absent}] backend not found`);
  });
});

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../../shared/config.js';
import { messageOf } from '../../shared/errors.js';
import { findModelPack, licenseOf } from '../../shared/model-pack.js';
import { modelsCommand } from '../../shared/models-dir.js';
import { type Check, checksOf } from './check.js';

const { ok, error } = checksOf('models');

/** The files of the model pack: present, and with the SHA-256 of the manifest. */
export async function checkModels({ modelPack, modelsDir }: Config['engine']): Promise<Check[]> {
  try {
    const pack = await findModelPack(modelPack, modelsDir);
    const checks = await Promise.all(
      [pack.detector, pack.embedder].map(({ file, sha256 }) => checkHash(path.join(modelsDir, file), sha256)),
    );
    const wrong = checks.filter((check) => check !== null);
    return wrong.length > 0
      ? wrong
      : [ok(`${pack.name} in ${modelsDir} (${licenseOf(pack)}): SHA-256 is right.`)];
  } catch (cause) {
    return [error(messageOf(cause))];
  }
}

async function checkHash(file: string, expected: string): Promise<Check | null> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const found = hash.digest('hex');
  if (found === expected) return null;
  return error(
    `${file} is damaged or another file: its SHA-256 is ${found}, not ${expected}. Fetch it again with: ${modelsCommand()}`,
  );
}

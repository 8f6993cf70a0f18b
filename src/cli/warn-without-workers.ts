import type { Redis } from 'ioredis';
import { readFleet } from '../shared/fleet-records.js';

/**
 * Warns that jobs will wait until a worker is online.
 *
 * @param pack only a worker of this model pack will do
 */
export async function warnWithoutWorkers(redis: Redis, pack?: string): Promise<void> {
  const online = (await readFleet(redis)).filter(({ status }) => status === 'online');
  if (online.length === 0) {
    process.stderr.write('No worker is online; waiting for one. Start one with: node dist/supervisor.js\n');
  } else if (pack !== undefined && online.every(({ record }) => record.model_pack !== pack)) {
    process.stderr.write(
      `No worker with the model pack ${pack} is online; waiting for one. Start one with: MODEL_PACK=${pack} node dist/supervisor.js\n`,
    );
  }
}

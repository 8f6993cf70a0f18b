import type { Redis } from 'ioredis';
import { readFleet } from '../shared/fleet-records.js';

/** What is asked of nobody waits for somebody: better to say so. */
export async function warnWithoutWorkers(redis: Redis): Promise<void> {
  const fleet = await readFleet(redis);
  if (fleet.some(({ status }) => status === 'online')) return;
  process.stderr.write('No worker is online; waiting for one. Start one with: node dist/supervisor.js\n');
}

import { Cluster, type Redis } from 'ioredis';

/** Keys of one SCAN step, few enough not to block Redis for long. */
const KEYS_PER_STEP = 1000;

/** All keys that match, in steps: also those of the other nodes of a cluster. */
export async function* scanKeys(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  for (const node of nodesOf(redis)) {
    const steps = node.scanStream({ match: pattern, count: KEYS_PER_STEP });
    for await (const keys of steps) if ((keys as string[]).length > 0) yield keys as string[];
  }
}

/** The servers that hold the keys. */
function nodesOf(redis: Redis): Redis[] {
  const client: Redis | Cluster = redis as unknown as Redis | Cluster;
  return client instanceof Cluster ? client.nodes('master') : [client];
}

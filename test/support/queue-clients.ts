/** The part of a BullMQ client that a portal uses here, the same in every version. */
export interface QueueClient {
  add(name: string, data: object, options?: { readonly jobId?: string }): Promise<unknown>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

interface QueueClass {
  new (
    name: string,
    options: { readonly connection: { readonly host: string; readonly port: number } },
  ): QueueClient;
}

/** BullMQ as portals may have it; `5.63.1` is the version of the portal that we know. */
export const BULLMQ_VERSIONS: Readonly<Record<string, () => Promise<{ readonly Queue: QueueClass }>>> = {
  '4.18': () => import('bullmq-4'),
  '5.63.1': () => import('bullmq-portal'),
  '5, as ours': () => import('bullmq'),
  '6': () => import('bullmq-6'),
};

export async function connectQueueClient(version: string, name: string, port: number): Promise<QueueClient> {
  const load = BULLMQ_VERSIONS[version];
  if (load === undefined) throw new Error(`There is no BullMQ ${version} here`);
  const { Queue } = await load();
  return new Queue(name, { connection: { host: '127.0.0.1', port } });
}

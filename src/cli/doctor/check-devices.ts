import { fork } from 'node:child_process';
import { once } from 'node:events';
import pMap from 'p-map';
import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import { messageOf } from '../../shared/errors.js';
import { nodeOptions } from '../../shared/node-options.js';
import type { ProviderRefusal } from '../../shared/worker-record.js';
import { type Check, checksOf } from './check.js';

const DEVICE_CHECK = new URL('../../device-check.js', import.meta.url);
const TIMEOUT_MS = 60_000;
/** Each process loads the models and the libraries of its provider. */
const PROCESSES = 4;

export type DeviceCheckRequest =
  | { readonly type: 'list'; readonly wanted: Config['devices'] }
  | {
      readonly type: 'try';
      readonly question: {
        readonly device: Device;
        readonly processorsOnly: boolean;
        readonly config: Config['engine'];
      };
    };

export type DeviceCheckReply =
  | { readonly type: 'devices'; readonly devices: readonly Device[]; readonly notes: readonly string[] }
  | {
      readonly type: 'provider';
      readonly name: string;
      readonly provider: string;
      readonly refusals: readonly ProviderRefusal[];
    }
  | { readonly type: 'failed'; readonly reason: string };

const { ok, warning, error } = checksOf('device');

/** The devices that get a worker, and the execution provider of each: loads the models as a worker does. */
export async function checkDevices({ devices, engine }: Config, hasModels: boolean): Promise<Check[]> {
  const reply = await ask({ type: 'list', wanted: devices });
  if (reply.type !== 'devices') return [error(reply.type === 'failed' ? reply.reason : 'Unexpected reply')];
  const checks = reply.notes.map(warning);
  if (!hasModels) {
    const names = reply.devices.map(nameOf).join(', ');
    return [...checks, warning(`${names}: not tried, because the models are not complete.`)];
  }
  const processorsOnly = devices.cpuOnly || devices.cpuWorker === 'on';
  const tried = await pMap(
    reply.devices,
    async (device) => {
      const question = { device, processorsOnly, config: { ...engine, threads: 1 } };
      return describe(device, await ask({ type: 'try', question }, device));
    },
    { concurrency: PROCESSES },
  );
  return [...checks, ...tried.flat()];
}

/** Asks a process of its own. Never rejects. */
async function ask(request: DeviceCheckRequest, device?: Device): Promise<DeviceCheckReply> {
  const uuid = device?.kind === 'nvidia' ? device.uuid : '';
  const child = fork(DEVICE_CHECK, [], {
    execArgv: nodeOptions(),
    env: { ...process.env, ...(device !== undefined && { CUDA_VISIBLE_DEVICES: uuid }) },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  try {
    child.send(request);
    const exited = once(child, 'exit').then(([code, signal]): DeviceCheckReply => {
      const how =
        signal === 'SIGKILL' ? `did not answer within ${TIMEOUT_MS / 1000} s` : `ended (${signal ?? code})`;
      return { type: 'failed', reason: `The process that tried it ${how}: check the driver.` };
    });
    const answered = once(child, 'message').then(([reply]) => reply as DeviceCheckReply);
    return await Promise.race([answered, exited]);
  } catch (cause) {
    return { type: 'failed', reason: messageOf(cause) };
  } finally {
    clearTimeout(timer);
  }
}

function describe(device: Device, reply: DeviceCheckReply): Check[] {
  switch (reply.type) {
    case 'failed':
      return [error(`${nameOf(device)}: ${reply.reason}`)];
    case 'devices':
      return [];
    case 'provider': {
      const sentence = `${nameOf(device)} runs on the execution provider ${reply.provider} (${reply.name}).`;
      const refusals = reply.refusals.map(({ provider, reason }) =>
        warning(`${nameOf(device)}: ${provider} does not work, so ${reply.provider} is used: ${reason}`),
      );
      return [ok(sentence), ...refusals];
    }
  }
}

function nameOf(device: Device): string {
  return device.kind === 'cpu' ? device.name : `GPU ${device.index} (${device.name})`;
}

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const NVIDIA_VENDOR = '0x10de';

/** The facts about a machine that decide which execution providers to try. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  /** GPUs on the machine, used or not. */
  readonly gpus: number;
}

export async function describeMachine(): Promise<Machine> {
  const { platform, arch } = process;
  return { platform, arch, gpus: platform === 'linux' ? await countLinuxGpus() : await countControllers() };
}

/**
 * Number of GPUs with a Linux driver. They have a render node; NVIDIA GPUs without `nvidia-drm` are only in NVIDIA's own
 * list. A server's display adapter has neither.
 *
 * @param root of the file system
 */
export async function countLinuxGpus(root = '/'): Promise<number> {
  const inRoot = (...parts: string[]): string => path.join(root, ...parts);
  const nodes = (await list(inRoot('sys/class/drm'))).filter((name) => /^renderD\d+$/.test(name));
  const vendors = await Promise.all(
    nodes.map((name) => readFile(inRoot('sys/class/drm', name, 'device/vendor'), 'utf8').catch(() => '')),
  );
  const others = vendors.filter((vendor) => vendor.trim() !== NVIDIA_VENDOR).length;
  const listed = (await list(inRoot('proc/driver/nvidia/gpus'))).length;
  return others + Math.max(listed, vendors.length - others);
}

/** Empty if the directory does not exist. */
function list(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

async function countControllers(): Promise<number> {
  const { graphics } = await import('systeminformation');
  return (await graphics()).controllers.length;
}

import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface FakeSystemdNotify {
  /** The environment's PATH with the scripted systemd-notify in front. */
  readonly path: string;
  /** The arguments of each call so far, joined by spaces. */
  calls(): Promise<string[]>;
  /** The next calls end with code 1. */
  fail(): Promise<void>;
  remove(): Promise<void>;
}

/** Puts a scripted `systemd-notify` on a PATH, which writes down what the service manager would be told. */
export async function createFakeSystemdNotify(): Promise<FakeSystemdNotify> {
  const folder = await mkdtemp(path.join(tmpdir(), 'systemd-notify-'));
  const callsFile = path.join(folder, 'calls');
  const program = path.join(folder, 'systemd-notify');
  const write = async (exitCode: number): Promise<void> => {
    await writeFile(program, `#!/bin/sh\necho "$*" >>'${callsFile}'\nexit ${exitCode}\n`);
    await chmod(program, 0o755);
  };
  await writeFile(callsFile, '');
  await write(0);
  return {
    path: `${folder}${path.delimiter}${process.env['PATH']}`,
    calls: async () => (await readFile(callsFile, 'utf8')).split('\n').slice(0, -1),
    fail: () => write(1),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

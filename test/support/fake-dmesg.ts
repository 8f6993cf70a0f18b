import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface FakeDmesg {
  /** `others` with the scripted dmesg in front. */
  pathBefore(others: string | undefined): string;
  /** What the kernel log says from now on. */
  say(text: string): Promise<void>;
  /** From now on it may not be read, as on most machines where one is not root. */
  refuse(): Promise<void>;
  /** The next calls do not end. */
  hang(): Promise<void>;
  /** How often it has been called. */
  calls(): Promise<number>;
  remove(): Promise<void>;
}

/** Puts a scripted `dmesg` on a PATH. It says what the one of util-linux 2.38 says. */
export async function createFakeDmesg(): Promise<FakeDmesg> {
  const folder = await mkdtemp(path.join(tmpdir(), 'dmesg-'));
  const at = (name: string): string => path.join(folder, name);
  const script = `#!/bin/sh
echo call >>'${at('calls')}'
if [ -e '${at('hang')}' ]; then exec sleep 1000; fi
if [ -e '${at('refused')}' ]; then
  echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2
  exit 1
fi
cat '${at('log')}'
`;
  const say = async (text: string): Promise<void> => {
    await writeFile(at('log.new'), text);
    await rename(at('log.new'), at('log'));
  };
  await writeFile(at('dmesg'), script);
  await chmod(at('dmesg'), 0o755);
  await writeFile(at('calls'), '');
  await say('');

  return {
    pathBefore: (others) => `${folder}${path.delimiter}${others}`,
    say,
    refuse: () => writeFile(at('refused'), ''),
    hang: () => writeFile(at('hang'), ''),
    calls: async () => (await readFile(at('calls'), 'utf8')).split('\n').length - 1,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

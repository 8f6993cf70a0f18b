import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const FIXTURES = new URL('../fixtures/nvidia-smi/', import.meta.url);

export interface FakeNvidiaSmi {
  /** The environment's PATH with the scripted nvidia-smi in front. */
  readonly path: string;
  /** What the next queries print, and how they end. */
  answer(text: string, exitCode?: number): Promise<void>;
  /** What `nvidia-smi -L` prints from now on. */
  list(text: string): Promise<void>;
  /** The next calls do not know this field. */
  refuse(field: string): Promise<void>;
  /** The next calls do not end. */
  hang(): Promise<void>;
  /** How often it has been called. */
  calls(): Promise<number>;
  remove(): Promise<void>;
}

export function readNvidiaFixture(name: string): Promise<string> {
  return readFile(new URL(`${name}.txt`, FIXTURES), 'utf8');
}

/** `count` GPUs in the format of the fixtures. */
export async function fakeGpus(count: number): Promise<string> {
  const lines = (await readNvidiaFixture('eight-gpus')).trimEnd().split('\n');
  return `${lines.slice(0, count).join('\n')}\n`;
}

/** A reader sees the old text or the new one, and never a part. */
async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** Puts a scripted `nvidia-smi` on a PATH, which replays what the real one prints. */
export async function createFakeNvidiaSmi(): Promise<FakeNvidiaSmi> {
  const folder = await mkdtemp(path.join(tmpdir(), 'nvidia-smi-'));
  const answerFile = path.join(folder, 'answer');
  const listFile = path.join(folder, 'list');
  const codeFile = path.join(folder, 'code');
  const callsFile = path.join(folder, 'calls');
  const script = `#!/bin/sh
echo call >>'${callsFile}'
if [ -e '${folder}/hang' ]; then exec sleep 1000; fi
if [ -e '${folder}/refused' ]; then
  field=$(cat '${folder}/refused')
  case "$*" in *"$field"*) echo "Field \\"$field\\" is not a valid field to query."; exit 2 ;; esac
fi
if [ "$1" = -L ]; then exec cat '${listFile}'; fi
cat '${answerFile}'
exit "$(cat '${codeFile}')"
`;
  await writeFile(path.join(folder, 'nvidia-smi'), script);
  await chmod(path.join(folder, 'nvidia-smi'), 0o755);
  await writeFile(callsFile, '');

  const answer = async (text: string, exitCode = 0): Promise<void> => {
    await rm(path.join(folder, 'hang'), { force: true });
    await writeFile(codeFile, String(exitCode));
    await replaceFile(answerFile, text);
  };
  await answer('');

  return {
    path: `${folder}${path.delimiter}${process.env['PATH']}`,
    answer,
    list: (text) => replaceFile(listFile, text),
    refuse: (field) => writeFile(path.join(folder, 'refused'), field),
    hang: () => writeFile(path.join(folder, 'hang'), ''),
    calls: async () => (await readFile(callsFile, 'utf8')).split('\n').length - 1,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

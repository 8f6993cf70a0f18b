import { readFile } from 'node:fs/promises';

/** One variable of the environment that a process was started with; Linux only. */
export async function environmentOf(pid: number | null, variable: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8');
  const found = text.split('\0').find((entry) => entry.startsWith(`${variable}=`));
  return found?.slice(variable.length + 1);
}

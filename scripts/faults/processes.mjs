import { readFile } from 'node:fs/promises';

/**
 * Resident memory (MB) of a process, `null` if it is gone, or on other systems than Linux.
 *
 * @param {number} pid
 */
export async function residentMb(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(status)?.[1];
  return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024);
}

/**
 * CPU time (ms) that a process has used, `null` if it is gone, or on other systems than Linux.
 *
 * @param {number} pid
 */
export function cpuMs(pid) {
  return readCpuMs(`/proc/${pid}/stat`);
}

/**
 * The same for the main thread of a process.
 *
 * @param {number} pid
 */
export function mainThreadCpuMs(pid) {
  return readCpuMs(`/proc/${pid}/task/${pid}/stat`);
}

/** @param {string} file */
async function readCpuMs(file) {
  const stat = await readFile(file, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks * 10 : null;
}

/**
 * Whether a process of this project still runs.
 *
 * @param {number} pid
 */
export async function isStillRunning(pid) {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return /dist\/(supervisor|child|dashboard)\.js/.test(commandLine);
}

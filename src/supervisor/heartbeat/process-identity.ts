import { readFileSync, readlinkSync } from 'node:fs';

/** Tells a process from every other one, also from a later process with the same pid, on machines with Linux. */
export interface ProcessIdentity {
  /** Changes with each start of the machine. All containers of a machine share it. */
  readonly machineBoot: string;
  /** Pids are only comparable within one namespace. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** In clock ticks since the machine started. */
  readonly startTime: string;
}

/** `null` if the system does not tell. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  const stat = statOf(pid);
  if (stat === null) return null;
  try {
    return {
      machineBoot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      pidNamespace: readlinkSync('/proc/self/ns/pid'),
      pid,
      startTime: stat.startTime,
    };
  } catch {
    return null;
  }
}

/**
 * Whether the process has certainly ended. A process of another machine or another pid namespace may be alive.
 *
 * @param self identity of this process
 */
export function isKnownDead(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (other.machineBoot !== self.machineBoot || other.pidNamespace !== self.pidNamespace) return false;
  if (!exists(other.pid)) return true;
  // A killed process is a zombie until its parent has read its exit code.
  const stat = statOf(other.pid);
  return stat !== null && (/^[ZX]/.test(stat.state) || stat.startTime !== other.startTime);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Fields 3 and 22 of /proc/<pid>/stat, see proc(5). The second field may contain spaces and parentheses. */
function statOf(pid: number): { readonly state: string; readonly startTime: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return state === undefined || startTime === undefined ? null : { state, startTime };
  } catch {
    return null;
  }
}

import { execFile } from 'node:child_process';

const DMESG_TIMEOUT_MS = 5000;
/** The kernel keeps a few hundred KB by default. */
const MAX_BYTES = 64 * 2 ** 20;

export type KernelLog =
  | { readonly kind: 'text'; readonly text: string }
  /** dmesg did not answer in time. Try again later. */
  | { readonly kind: 'late' }
  /** This process may not read the log. Trying again is useless. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Reads the kernel log. Never rejects. On most machines this needs root or CAP_SYSLOG. */
export function readKernelLog(timeoutMs = DMESG_TIMEOUT_MS): Promise<KernelLog> {
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_BYTES } as const;
  return new Promise((resolve) => {
    execFile('dmesg', options, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'text', text: stdout });
      else if (error.code === 'ENOENT') resolve({ kind: 'refused', reason: 'there is no dmesg' });
      else if (error.killed === true) resolve({ kind: 'late' });
      else resolve({ kind: 'refused', reason: stderr.trim().split('\n', 1)[0] || error.message });
    });
  });
}

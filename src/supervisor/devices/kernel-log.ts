import { createCommand } from './run-command.js';

const DMESG_TIMEOUT_MS = 5000;
/** The kernel keeps a few hundred KB by default. */
const MAX_BYTES = 64 * 2 ** 20;

export type KernelLog =
  | { readonly kind: 'text'; readonly text: string }
  /** dmesg did not answer in time. Try again later. */
  | { readonly kind: 'late' }
  /** This process may not read the log. Trying again is useless. */
  | { readonly kind: 'refused'; readonly reason: string };

const dmesg = createCommand('dmesg');

/** Reads the kernel log. Never rejects. On most machines this needs root or CAP_SYSLOG. */
export async function readKernelLog(timeoutMs = DMESG_TIMEOUT_MS): Promise<KernelLog> {
  const result = await dmesg([], { timeoutMs, maxBytes: MAX_BYTES });
  switch (result.kind) {
    case 'late':
      return { kind: 'late' };
    case 'not-started':
      return {
        kind: 'refused',
        reason: result.error.code === 'ENOENT' ? 'there is no dmesg' : result.error.message,
      };
    case 'exited': {
      const { code, stdout, stderr } = result;
      if (code === 0) return { kind: 'text', text: stdout };
      return { kind: 'refused', reason: stderr.trim().split('\n', 1)[0] || `dmesg exited with code ${code}` };
    }
  }
}

import { execFile } from 'node:child_process';

/** nvidia-smi can hang when a GPU has fallen off the bus. */
export const NVIDIA_SMI_TIMEOUT_MS = 5000;

/** nvidia-smi does not exist: this machine has no NVIDIA driver. */
export interface NvidiaAbsent {
  readonly kind: 'absent';
}

/** nvidia-smi exists but gives no answer, so the state of the GPUs is unknown. */
export interface NvidiaError {
  readonly kind: 'error';
  readonly reason: string;
}

export type NvidiaSmiAnswer =
  | { readonly kind: 'text'; readonly text: string }
  /** The driver does not have a field of `--query-gpu`. */
  | { readonly kind: 'refused'; readonly field: string }
  | NvidiaAbsent
  | NvidiaError;

const REFUSAL = /^Field "([^"]+)" is not a valid field to query/m;

/** Runs nvidia-smi once. Never rejects. */
export function runNvidiaSmi(args: readonly string[], timeoutMs: number): Promise<NvidiaSmiAnswer> {
  return new Promise((resolve) => {
    execFile('nvidia-smi', args, { timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const refusedField = REFUSAL.exec(`${stdout}\n${stderr}`)?.[1];
      if (error === null) resolve({ kind: 'text', text: stdout });
      else if (error.code === 'ENOENT') resolve({ kind: 'absent' });
      else if (error.killed === true) {
        resolve({ kind: 'error', reason: `nvidia-smi did not answer within ${timeoutMs / 1000} s` });
      } else if (refusedField !== undefined) resolve({ kind: 'refused', field: refusedField });
      else {
        const detail = firstLine(stdout) || firstLine(stderr) || error.message;
        resolve({ kind: 'error', reason: `nvidia-smi exited with code ${error.code}: ${detail}` });
      }
    });
  });
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

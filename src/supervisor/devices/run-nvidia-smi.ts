import { createCommand } from './run-command.js';

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

const nvidiaSmi = createCommand('nvidia-smi');

/** Runs nvidia-smi once. Never rejects. */
export async function runNvidiaSmi(args: readonly string[], timeoutMs: number): Promise<NvidiaSmiAnswer> {
  const result = await nvidiaSmi(args, { timeoutMs });
  switch (result.kind) {
    case 'late':
      return { kind: 'error', reason: result.reason };
    case 'not-started':
      if (result.error.code === 'ENOENT') return { kind: 'absent' };
      return { kind: 'error', reason: `nvidia-smi cannot be started: ${result.error.message}` };
    case 'exited': {
      const { code, signal, stdout, stderr } = result;
      if (code === 0) return { kind: 'text', text: stdout };
      const refusedField = REFUSAL.exec(`${stdout}\n${stderr}`)?.[1];
      if (refusedField !== undefined) return { kind: 'refused', field: refusedField };
      const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
      return { kind: 'error', reason: `nvidia-smi ${how}: ${firstLine(stdout) || firstLine(stderr)}` };
    }
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

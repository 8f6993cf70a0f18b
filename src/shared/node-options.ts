import { readFileSync } from 'node:fs';

/**
 * V8 keeps new objects in two spaces of this size, 16 MB each by default, in the main thread and in every other thread. Our
 * processes work with memory outside of V8, so they do not become slower with less, and each thread takes 20 MB less.
 */
const SEMI_SPACE_MB = 1;

/**
 * V8 reserves 10 GiB of addresses for each WebAssembly memory, so that code needs no check of its accesses. With this option
 * it reserves what the memory needs, and scans of a gallery take up to 10 % longer. Node.js 24 does so by itself.
 */
const FEW_ADDRESSES = '--disable-wasm-trap-handler';

/** Options of Node.js for the processes that we fork. */
export function nodeOptions(): string[] {
  return [
    ...process.execArgv,
    `--max-semi-space-size=${SEMI_SPACE_MB}`,
    // Node.js 20.14 and 22.1 do not have the option.
    ...(hasAddressLimit() && process.allowedNodeEnvironmentFlags.has(FEW_ADDRESSES) ? [FEW_ADDRESSES] : []),
  ];
}

/** Whether `ulimit -v`, systemd's LimitAS= or a batch system limits the addresses of this process. */
function hasAddressLimit(): boolean {
  try {
    return /^Max address space +\d/m.test(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    // Not Linux.
    return false;
  }
}

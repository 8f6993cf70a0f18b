/**
 * V8 keeps new objects in two spaces of this size, 16 MB each by default, in the main thread and in every other thread. Our
 * processes work with memory outside of V8, so they do not become slower with less, and each thread takes 20 MB less.
 */
const SEMI_SPACE_MB = 1;

/** Options of Node.js for the processes that the supervisor forks. With the last one, V8 lets its heaps grow less. */
export const HEAP_OPTIONS = [
  ...process.execArgv,
  `--max-semi-space-size=${SEMI_SPACE_MB}`,
  '--optimize-for-size',
];

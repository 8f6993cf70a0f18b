import { availableParallelism } from 'node:os';

/** Node's default. */
const MIN_POOL_THREADS = 4;

/** Processor cores for each child: the children of a machine share its cores evenly. */
export function coresPerChild(children: number): number {
  return Math.max(1, Math.floor(availableParallelism() / Math.max(1, children)));
}

/**
 * Size of Node's thread pool in a child (`UV_THREADPOOL_SIZE`). The pool decodes photos, which takes half of the time for
 * those of cameras, and reads files.
 */
export function poolThreads(cores: number): number {
  return Math.max(MIN_POOL_THREADS, cores);
}

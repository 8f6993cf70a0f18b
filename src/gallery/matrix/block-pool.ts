import { type BlockMemory, blockBytesOf, createBlockMemory, rowBytesOf } from './block-memory.js';
import { BLOCK_ROWS } from './dot-kernel.js';

/**
 * Size of one memory. It is returned to the operating system as a whole, and only when none of its blocks is used. V8
 * reserves about 10 GiB of addresses for each memory, so the number of memories must stay in the hundreds.
 */
const MEMORY_BYTES = 2 ** 25;
/** The operating system hands out RAM in pages of this size. */
const OS_PAGE_BYTES = 4096;

/** Room for BLOCK_ROWS rows. */
export interface Block {
  readonly memory: BlockMemory;
  /** In its memory. */
  readonly index: number;
}

/** Blocks that the matrices of many folders share, so that a small folder does not need a memory of its own. */
export interface BlockPool {
  readonly embeddingSize: number;
  readonly rowBytes: number;
  /** Address space of all memories. Only written pages use RAM. */
  readonly bytes: number;
  /** RAM that this many rows of one matrix use. */
  bytesFor(rows: number): number;
  /** @throws {RangeError} the machine has no memory left */
  take(): Block;
  /** Returns a block to the pool. The caller must not use it any more. */
  give(block: Block): void;
}

interface Memory {
  readonly memory: BlockMemory;
  readonly free: Block[];
}

/** @param embeddingSize 1 to 32,768 */
export function createBlockPool(embeddingSize: number, memoryBytes = MEMORY_BYTES): BlockPool {
  const rowBytes = rowBytesOf(embeddingSize);
  const rowsInMemory = BLOCK_ROWS * Math.max(1, Math.floor(memoryBytes / blockBytesOf(embeddingSize)));
  /** Blocks come from the first memory that has one, so that the last ones become empty. */
  const memories: Memory[] = [];

  const createMemory = (): Memory => {
    const memory = createBlockMemory(embeddingSize, rowsInMemory);
    const free = Array.from({ length: memory.blocks }, (_, i) => ({ memory, index: memory.blocks - 1 - i }));
    const created = { memory, free };
    memories.push(created);
    return created;
  };

  return {
    embeddingSize,
    rowBytes,
    get bytes() {
      return memories.reduce((sum, { memory }) => sum + memory.bytes.length, 0);
    },
    bytesFor: (rows) => {
      const partial = rows % BLOCK_ROWS;
      const full = ((rows - partial) / BLOCK_ROWS) * blockBytesOf(embeddingSize);
      if (partial === 0) return full;
      const planeBytes = OS_PAGE_BYTES * Math.ceil((partial * rowBytes) / OS_PAGE_BYTES);
      return full + 2 * planeBytes + OS_PAGE_BYTES;
    },
    take: () => {
      const { free } = memories.find((it) => it.free.length > 0) ?? createMemory();
      return free.pop() as Block;
    },
    give: (block) => {
      const owner = memories.find(({ memory }) => memory === block.memory);
      if (owner === undefined) throw new Error('The block is not from this pool');
      owner.free.push(block);
      const isEmpty = owner.free.length === owner.memory.blocks;
      // One empty memory stays, so that a gallery at the edge of a memory does not create and drop it again and again.
      const hasRoomElsewhere = memories.some((it) => it !== owner && it.free.length > 0);
      if (isEmpty && hasRoomElsewhere) memories.splice(memories.indexOf(owner), 1);
    },
  };
}

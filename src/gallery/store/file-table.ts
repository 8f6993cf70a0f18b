import type { Redis } from 'ioredis';
import { filesKey } from '../../shared/redis-keys.js';
import { createStageIndex } from './stage-index.js';

/** Names in one command. */
const NAMES_PER_READ = 1000;
/** A file that could not be read is tried again after this long, because its permissions or a limit may have changed. */
const UNREADABLE_MS = 86_400_000;

/** A photo file as a scan of its folder shows it. */
export interface FileStamp {
  readonly name: string;
  readonly sizeBytes: number;
  /** Time of the last change of the contents (mtime), whole milliseconds since 1970. A program can set it. */
  readonly changedMs: number;
  /** For an object in S3: changes with the content, unlike its time. */
  readonly etag?: string | undefined;
  /**
   * Time of the last change of contents or attributes (ctime), milliseconds since 1970, where the source knows it. It
   * grows if a photo is replaced by one with the same size and mtime. Each copy of a file has its own.
   */
  readonly ctimeMs?: number | undefined;
}

/** The hash of a file's content, or why the file cannot be read. */
export type FileContent =
  | { readonly kind: 'content'; readonly hash: string }
  | { readonly kind: 'unreadable'; readonly message: string };

/**
 * Maps the gallery's files to their contents, so that the fleet reads an unchanged file only once. Folder, name, size,
 * and the ETag or the times of change identify a file.
 */
export interface FileTable {
  /** @returns the content of each file in the same order, `null` for a new or changed file */
  read(folder: string, files: readonly FileStamp[]): Promise<(FileContent | null)[]>;
  /** The names of all files of the folder that the table has. */
  names(folder: string): Promise<string[]>;
  /** Removes files that are gone. */
  remove(folder: string, names: readonly string[]): Promise<void>;
  write(folder: string, files: readonly (FileStamp & { readonly content: FileContent })[]): Promise<void>;
}

function markOf({ etag, changedMs }: Omit<FileStamp, 'name'>): string {
  return etag ?? String(changedMs);
}

/** Whether two stamps of one file on this machine show the same contents. */
export function isSameFile(a: Omit<FileStamp, 'name'>, b: Omit<FileStamp, 'name'>): boolean {
  const isTouched = a.ctimeMs !== undefined && b.ctimeMs !== undefined && a.ctimeMs !== b.ctimeMs;
  return a.sizeBytes === b.sizeBytes && markOf(a) === markOf(b) && !isTouched;
}

/** @param retentionS how long a folder is kept after its last write; 0 = forever */
export function createFileTable(redis: Redis, retentionS: number): FileTable {
  const stages = createStageIndex(redis, retentionS);
  const readSome = async (folder: string, files: readonly FileStamp[]): Promise<(FileContent | null)[]> => {
    const values = await redis.hmget(filesKey(folder), ...files.map(({ name }) => name));
    return files.map((file, i) => parseValue(values[i] ?? null, file));
  };

  return {
    read: async (folder, files) => {
      const found: (FileContent | null)[] = [];
      for (let start = 0; start < files.length; start += NAMES_PER_READ) {
        found.push(...(await readSome(folder, files.slice(start, start + NAMES_PER_READ))));
      }
      return found;
    },
    names: async (folder) => {
      const names: string[] = [];
      let cursor = '0';
      do {
        const [next, fields] = await redis.hscan(filesKey(folder), cursor, 'COUNT', NAMES_PER_READ);
        names.push(...fields.filter((_field, i) => i % 2 === 0));
        cursor = next;
      } while (cursor !== '0');
      return names;
    },
    remove: async (folder, names) => {
      for (let start = 0; start < names.length; start += NAMES_PER_READ) {
        await redis.hdel(filesKey(folder), ...names.slice(start, start + NAMES_PER_READ));
      }
    },
    write: async (folder, files) => {
      if (files.length === 0) return;
      const values = files.map((file) => [file.name, formatValue(file)] as const);
      const commands = redis.multi().hset(filesKey(folder), new Map(values));
      if (retentionS > 0) commands.expire(filesKey(folder), retentionS);
      await commands.exec();
      await stages.add(folder);
    },
  };
}

/** `size:mark~ctime:hash`, or `size:mark~ctime:!seen:message`. Without a ctime, `~ctime` is missing. */
function formatValue(file: FileStamp & { readonly content: FileContent }): string {
  const { sizeBytes, ctimeMs, content } = file;
  const what = content.kind === 'content' ? content.hash : `!${Date.now()}:${content.message}`;
  return `${sizeBytes}:${markOf(file)}${ctimeMs === undefined ? '' : `~${ctimeMs}`}:${what}`;
}

/** `size:mark~ctime:what` */
const VALUE = /^(\d+):([^:~]+)(?:~([^:]+))?:(.*)$/s;

function parseValue(value: string | null, file: FileStamp): FileContent | null {
  if (value === null) return null;
  const [, size, mark, ctime] = VALUE.exec(value) ?? [];
  if (Number(size) !== file.sizeBytes || mark !== markOf(file)) return null;
  // Machines with copies of their own have different ctimes. A later one is read once, and then recorded.
  if (ctime !== undefined && file.ctimeMs !== undefined && file.ctimeMs > Number(ctime)) return null;
  const content = contentOf(value);
  if (content.kind === 'content') return content;
  const { kind, message, seenMs } = content;
  return Date.now() - seenMs < UNREADABLE_MS ? { kind, message } : null;
}

/** What a value of the table says of its file, whatever the file's size and times of change are now. */
export function contentOf(
  value: string,
):
  | Extract<FileContent, { kind: 'content' }>
  | (Extract<FileContent, { kind: 'unreadable' }> & { seenMs: number }) {
  const [, , , , what = ''] = VALUE.exec(value) ?? [];
  const [, seenMs, message] = /^!(\d+):(.*)$/s.exec(what) ?? [];
  if (seenMs === undefined || message === undefined) return { kind: 'content', hash: what };
  return { kind: 'unreadable', message, seenMs: Number(seenMs) };
}

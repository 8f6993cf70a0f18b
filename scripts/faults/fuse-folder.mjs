import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, read, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';

/**
 * A process that mounts a folder a second time, read-only, and stops answering on request. A reader is then in
 * uninterruptible sleep, as with a network mount whose server is gone, or a driver whose GPU has fallen off the bus.
 *
 * Arguments: the folder, and where to mount it. Messages: `hang`, `resume`. It sends `mounted`. The kernel's protocol is
 * in include/uapi/linux/fuse.h.
 */
const [folder = '', mountPoint = ''] = process.argv.slice(2);

const IN_HEADER_BYTES = 40;
const OUT_HEADER_BYTES = 16;
const BUFFER_BYTES = 2 ** 20 + 4096;
const ENOENT = 2;
const EIO = 5;
const ENOSYS = 38;
/** Answers are not cached, so that each access asks this process. */
const FOPEN_DIRECT_IO = 1;
const OP = { lookup: 1, getattr: 3, open: 14, read: 15, statfs: 17, release: 18, init: 26 };
const FOLDER_OP = { open: 27, read: 28, release: 29 };
/** Forget, interrupt, destroy and batch forget get no answer. */
const NO_ANSWER = new Set([2, 36, 38, 42]);

/** Node id -> path below the folder. */
const paths = ['', ''];
/** @type {Map<string, number>} */
const ids = new Map([['', 1]]);
/** @type {Buffer[] | null} Requests that wait while the folder hangs. */
let waiting = null;

const fuse = openSync('/dev/fuse', 'r+');
execFileSync(
  'mount',
  [
    '-i',
    '-t',
    'fuse',
    '-o',
    'ro,fd=3,rootmode=40000,user_id=0,group_id=0,allow_other',
    'fault-suite',
    mountPoint,
  ],
  { stdio: ['ignore', 'ignore', 'ignore', fuse] },
);
process.on('message', (message) => {
  if (message === 'hang') waiting ??= [];
  if (message !== 'resume') return;
  const requests = waiting ?? [];
  waiting = null;
  requests.forEach(answer);
});
process.on('disconnect', () => process.exit());
readNext();
process.send?.('mounted');

function readNext() {
  const buffer = Buffer.alloc(BUFFER_BYTES);
  read(fuse, buffer, 0, buffer.length, null, (error, length) => {
    // The folder was unmounted.
    if (error?.code === 'ENODEV') process.exit();
    if (error === null) take(buffer.subarray(0, length));
    readNext();
  });
}

/** @param {Buffer} request */
function take(request) {
  if (waiting === null) answer(request);
  else waiting.push(request);
}

/** @param {Buffer} request */
function answer(request) {
  const operation = request.readUInt32LE(4);
  if (NO_ANSWER.has(operation)) return;
  let code = 0;
  /** @type {Buffer} */
  let body = Buffer.alloc(0);
  try {
    const result = resultOf(operation, request);
    if (result === null) code = -ENOSYS;
    else body = result;
  } catch (error) {
    const { code: name } = /** @type {NodeJS.ErrnoException} */ (error);
    code = name === 'ENOENT' ? -ENOENT : -EIO;
  }
  const header = Buffer.alloc(OUT_HEADER_BYTES);
  header.writeUInt32LE(OUT_HEADER_BYTES + body.length, 0);
  header.writeInt32LE(code, 4);
  request.copy(header, 8, 8, 16);
  try {
    writeSync(fuse, Buffer.concat([header, body]));
  } catch {
    // The reader was killed meanwhile.
  }
}

/**
 * @param {number} operation
 * @param {Buffer} request
 * @returns {Buffer | null} `null` for an operation that is not supported
 */
function resultOf(operation, request) {
  const below = paths[Number(request.readBigUInt64LE(16))] ?? '';
  const body = request.subarray(IN_HEADER_BYTES);
  switch (operation) {
    case OP.init:
      return initAnswer();
    case OP.lookup:
      return entryOf(path.join(below, body.toString('utf8', 0, body.indexOf(0))));
    case OP.getattr:
      return Buffer.concat([Buffer.alloc(16), attributesOf(below)]);
    case OP.open:
      return handleOf(BigInt(openSync(path.join(folder, below), 'r')));
    case FOLDER_OP.open:
      return handleOf(0n);
    case OP.read:
      return readFile(body);
    case FOLDER_OP.read:
      return listFolder(below, Number(body.readBigUInt64LE(8)), body.readUInt32LE(16));
    case OP.release:
      closeSync(Number(body.readBigUInt64LE(0)));
      return Buffer.alloc(0);
    case FOLDER_OP.release:
      return Buffer.alloc(0);
    case OP.statfs:
      return Buffer.alloc(80);
    default:
      return null;
  }
}

function initAnswer() {
  const out = Buffer.alloc(64);
  out.writeUInt32LE(7, 0);
  out.writeUInt32LE(31, 4);
  out.writeUInt32LE(2 ** 17, 8);
  out.writeUInt16LE(64, 16);
  out.writeUInt16LE(48, 18);
  out.writeUInt32LE(2 ** 17, 20);
  out.writeUInt32LE(1, 24);
  return out;
}

/** @param {string} below */
function entryOf(below) {
  const attributes = attributesOf(below);
  let id = ids.get(below);
  if (id === undefined) {
    id = paths.push(below) - 1;
    ids.set(below, id);
  }
  const out = Buffer.alloc(40);
  out.writeBigUInt64LE(BigInt(id), 0);
  return Buffer.concat([out, attributes]);
}

/** @param {string} below */
function attributesOf(below) {
  const stat = statSync(path.join(folder, below), { bigint: true });
  const out = Buffer.alloc(88);
  [stat.ino, stat.size, stat.blocks].forEach((value, i) => out.writeBigUInt64LE(value, 8 * i));
  [stat.atimeNs, stat.mtimeNs, stat.ctimeNs].forEach((ns, i) => {
    out.writeBigUInt64LE(ns / 1_000_000_000n, 24 + 8 * i);
    out.writeUInt32LE(Number(ns % 1_000_000_000n), 48 + 4 * i);
  });
  [stat.mode, stat.nlink, stat.uid, stat.gid, 0n, 4096n].forEach((value, i) =>
    out.writeUInt32LE(Number(value), 60 + 4 * i),
  );
  return out;
}

/** @param {bigint} handle */
function handleOf(handle) {
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(handle, 0);
  out.writeUInt32LE(FOPEN_DIRECT_IO, 8);
  return out;
}

/** @param {Buffer} body */
function readFile(body) {
  const handle = Number(body.readBigUInt64LE(0));
  const at = Number(body.readBigUInt64LE(8));
  const out = Buffer.alloc(Math.min(body.readUInt32LE(16), Math.max(0, fstatSync(handle).size - at)));
  return out.subarray(0, readSync(handle, out, 0, out.length, at));
}

/**
 * @param {string} below
 * @param {number} from number of the first entry
 * @param {number} maxBytes
 */
function listFolder(below, from, maxBytes) {
  /** @type {Buffer[]} */
  const entries = [];
  let bytes = 0;
  const names = readdirSync(path.join(folder, below), { withFileTypes: true });
  for (const [i, entry] of names.entries()) {
    if (i < from) continue;
    const name = Buffer.from(entry.name);
    const out = Buffer.alloc(24 + Math.ceil(name.length / 8) * 8);
    out.writeBigUInt64LE(BigInt(i + 2), 0);
    out.writeBigUInt64LE(BigInt(i + 1), 8);
    out.writeUInt32LE(name.length, 16);
    // DT_DIR and DT_REG
    out.writeUInt32LE(entry.isDirectory() ? 4 : 8, 20);
    name.copy(out, 24);
    bytes += out.length;
    if (bytes > maxBytes) break;
    entries.push(out);
  }
  return Buffer.concat(entries);
}

import { readFileSync } from 'node:fs';

/**
 * Preloaded with --import into the supervisor and its children: shifts their clock by the number of ms that a file has.
 * Children with even and with odd process ids have a file each.
 */
const READ_INTERVAL_MS = 100;
const RealDate = Date;
const folder = process.env['SHIFTED_CLOCKS'] ?? '';
const isChild = process.argv[1]?.endsWith('child.js') === true;
const file = `${folder}/${isChild ? `child-${process.pid % 2}` : 'supervisor'}`;
let shiftMs = 0;

const readShift = () => {
  try {
    shiftMs = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    // The suite has ended.
  }
};
readShift();
setInterval(readShift, READ_INTERVAL_MS).unref();

const now = () => RealDate.now() + shiftMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (_, args) => Reflect.construct(RealDate, args.length === 0 ? [now()] : args),
  get: (_, key) => (key === 'now' ? now : Reflect.get(RealDate, key)),
});

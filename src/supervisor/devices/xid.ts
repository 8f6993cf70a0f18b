/** One Xid: an error of a GPU that NVIDIA's driver wrote to the kernel log. */
export interface Xid {
  /** As `busKeyOf` writes it. */
  readonly busKey: string;
  readonly number: number;
  /** The line of the kernel log, with its time where the log has times. */
  readonly line: string;
}

/**
 * `NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=node, …`; without `PCI:` from old drivers, with `GPU-I:05` and the
 * like behind the address where the driver blames one MIG instance.
 */
const XID = /NVRM: Xid \((?:PCI:)?([\da-f:.]+)[^)]*\): (\d+)/i;
const BUS_ID = /^([\da-f]{4,8}):([\da-f]{2}):([\da-f]{2})(?:\.\d)?$/i;

/**
 * A GPU's place on the PCI bus, written in one way: nvidia-smi says `00000000:3B:00.0` where the kernel log says
 * `0000:3b:00`. `null` for what is no place.
 */
export function busKeyOf(pciBusId: string | null): string | null {
  const [, domain, bus, device] = BUS_ID.exec(pciBusId ?? '') ?? [];
  if (domain === undefined) return null;
  return `${domain.padStart(8, '0')}:${bus}:${device}`.toLowerCase();
}

/** All Xids that the log holds, oldest first. */
export function readXids(kernelLog: string): Xid[] {
  return kernelLog.split('\n').flatMap((line) => {
    const [, place, number] = XID.exec(line) ?? [];
    const busKey = busKeyOf(place ?? null);
    return busKey === null ? [] : [{ busKey, number: Number(number), line: line.trim() }];
  });
}

/**
 * What came after the line that was seen last: all of it where that line is no longer there. Of each number the newest,
 * because some come by the thousand; but each number, because the cause often comes before what follows from it.
 */
export function newXids(xids: readonly Xid[], lastSeenLine: string | null): Xid[] {
  const seen = xids.findLastIndex(({ line }) => line === lastSeenLine);
  return [...new Map(xids.slice(seen + 1).map((xid) => [xid.number, xid])).values()];
}

/**
 * The well-known ones, after NVIDIA's "XID Errors" (docs.nvidia.com/deploy/xid-errors). A number tells where to look, and
 * not what the cause is: most have several.
 */
const MEANINGS: Readonly<Record<number, string>> = {
  13: 'an exception in the graphics engine, mostly a fault of the program; where others see it too, check the GPU',
  31: 'a program reached for a GPU address that it may not use, mostly a fault of the program or the driver',
  43: 'the work of a program was stopped after a fault of its own; the GPU is well',
  45: 'the work of a program was cleared away after it ended or after an earlier error; look at the Xid before it',
  48: 'a memory error that ECC could not correct; the GPU needs a reset',
  63: 'a bad part of the memory is noted and will be replaced by a spare one at the next reset of the GPU',
  64: 'a bad part of the memory could not be replaced by a spare one; reset the GPU, and have it checked if it comes again',
  74: 'an error of an NVLink connection; if it comes again, have the GPU and its link checked',
  79: 'the GPU has fallen off the bus; restart the machine, and check power, cooling and seating if it comes again',
  94: 'a memory error that ECC could not correct hit one program only; reset the GPU when it is convenient',
  95: 'a memory error that ECC could not correct may have hit every program on the GPU; reset it now',
  119: "the GPU's system processor (GSP) does not answer the driver; reset the GPU, or restart the machine",
};

/** What an Xid means, in a sentence. */
export function meaningOfXid(number: number): string {
  return MEANINGS[number] ?? 'see docs.nvidia.com/deploy/xid-errors for what it means';
}

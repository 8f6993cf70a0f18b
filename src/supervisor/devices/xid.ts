/** An Xid: a GPU error that NVIDIA's driver wrote to the kernel log. */
export interface Xid {
  /** In the form of `busKeyOf`. */
  readonly busKey: string;
  readonly number: number;
  /** The line of the kernel log, including its time stamp if there is one. */
  readonly line: string;
}

/**
 * `NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=node, …`. Old drivers omit `PCI:`. For an error of one MIG instance,
 * the address is followed by `GPU-I:05` or similar.
 */
const XID = /NVRM: Xid \((?:PCI:)?([\da-f:.]+)[^)]*\): (\d+)/i;
const BUS_ID = /^([\da-f]{4,8}):([\da-f]{2}):([\da-f]{2})(?:\.\d)?$/i;

/**
 * Normalises a PCI address: nvidia-smi writes `00000000:3B:00.0`, the kernel log `0000:3b:00`. `null` if the text is
 * not a PCI address.
 */
export function busKeyOf(pciBusId: string | null): string | null {
  const [, domain, bus, device] = BUS_ID.exec(pciBusId ?? '') ?? [];
  if (domain === undefined) return null;
  return `${domain.padStart(8, '0')}:${bus}:${device}`.toLowerCase();
}

/** All Xids in the log, oldest first. */
export function readXids(kernelLog: string): Xid[] {
  return kernelLog.split('\n').flatMap((line) => {
    const [, address, number] = XID.exec(line) ?? [];
    const busKey = busKeyOf(address ?? null);
    return busKey === null ? [] : [{ busKey, number: Number(number), line: line.trim() }];
  });
}

/**
 * The Xids after the last seen line, or all of them if that line is gone. Keeps the newest of each number, because some
 * repeat by the thousand. Keeps every number, because the first one is often the cause of the others.
 */
export function newXids(xids: readonly Xid[], lastSeenLine: string | null): Xid[] {
  const seen = xids.findLastIndex(({ line }) => line === lastSeenLine);
  return [...new Map(xids.slice(seen + 1).map((xid) => [xid.number, xid])).values()];
}

/**
 * The common ones, from NVIDIA's "XID Errors" (docs.nvidia.com/deploy/xid-errors). A number says where to look, not what
 * the cause is: most have several causes.
 */
const MEANINGS: Readonly<Record<number, string>> = {
  13: 'a graphics engine exception, usually a bug in the program; if other programs see it too, check the GPU',
  31: 'a program accessed an invalid GPU address, usually a bug in the program or the driver',
  43: 'the driver stopped a program after an error of its own; the GPU is fine',
  45: 'the driver removed the work of a program that ended or failed before; look at the previous Xid',
  48: 'a memory error that ECC could not correct; the GPU needs a reset',
  63: 'a bad memory row was recorded; a spare row replaces it at the next GPU reset',
  64: 'a bad memory row could not be replaced; reset the GPU, and have it checked if the error returns',
  74: 'an NVLink error; if it returns, have the GPU and its link checked',
  79: 'the GPU has fallen off the bus; restart the machine, and check power, cooling and seating if it happens again',
  94: 'a memory error that ECC could not correct affected one program; reset the GPU when convenient',
  95: 'a memory error that ECC could not correct may have affected every program on the GPU; reset it now',
  119: "the GPU's system processor (GSP) does not answer the driver; reset the GPU, or restart the machine",
};

/** Explains an Xid in one sentence. */
export function meaningOfXid(number: number): string {
  return MEANINGS[number] ?? 'see docs.nvidia.com/deploy/xid-errors for what it means';
}

/**
 * Exit codes of the supervisor and its children. The values above 63 follow BSD's sysexits(3), so
 * that a service manager can tell a failure that a restart mends from one that needs a person.
 */
export const EXIT_CODES = {
  ok: 0,
  crash: 1,
  /** EX_NOINPUT: a model file is missing or is not what the manifest says. */
  modelsMissing: 66,
  /** EX_UNAVAILABLE: the execution provider that was asked for does not load. */
  providerUnavailable: 69,
  /** EX_CANTCREAT: another program listens where the dashboard should. */
  addressTaken: 73,
  /** EX_SOFTWARE: an engine thread died or stopped answering. */
  engineDied: 70,
  /** EX_TEMPFAIL: another supervisor holds this machine's place. */
  leaseTaken: 75,
  /** EX_CONFIG: the configuration is wrong. */
  badConfig: 78,
} as const;

/** Start-up failures that starting again cannot mend. */
const PERMANENT_EXIT_CODES: ReadonlySet<number> = new Set([
  EXIT_CODES.modelsMissing,
  EXIT_CODES.providerUnavailable,
  EXIT_CODES.badConfig,
]);

export function isPermanentFailure(exitCode: number | null): boolean {
  return exitCode !== null && PERMANENT_EXIT_CODES.has(exitCode);
}

/**
 * Exit codes of all processes. Values above 63 follow BSD's sysexits(3), so that a service manager can tell failures that
 * a restart may fix from those that need a person.
 */
export const EXIT_CODES = {
  ok: 0,
  crash: 1,
  /** The command line is wrong. */
  usage: 2,
  /** EX_NOINPUT: a model file is missing or does not match the manifest. */
  modelsMissing: 66,
  /** EX_UNAVAILABLE: the configured execution provider does not load. */
  providerUnavailable: 69,
  /** EX_CANTCREAT: the dashboard's port is in use. */
  addressTaken: 73,
  /** EX_SOFTWARE: an engine thread died or stopped answering. */
  engineDied: 70,
  /** EX_TEMPFAIL: another supervisor holds this machine's lease. */
  leaseTaken: 75,
  /** EX_CONFIG: the configuration is invalid. */
  badConfig: 78,
} as const;

/** Start-up failures that a restart cannot fix. */
const PERMANENT_EXIT_CODES: ReadonlySet<number> = new Set([
  EXIT_CODES.modelsMissing,
  EXIT_CODES.providerUnavailable,
  EXIT_CODES.badConfig,
]);

export function isPermanentFailure(exitCode: number | null): boolean {
  return exitCode !== null && PERMANENT_EXIT_CODES.has(exitCode);
}

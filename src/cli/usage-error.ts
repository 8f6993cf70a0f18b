/** The command line is wrong; `message` says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

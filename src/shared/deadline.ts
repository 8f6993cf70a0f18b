/**
 * Waits for a task until a deadline. A network drive that is away may never answer.
 *
 * @param late makes the error that is thrown at the deadline
 */
export async function withDeadline<T>(task: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([task, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

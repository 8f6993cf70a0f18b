import { createInterface } from 'node:readline/promises';
import { InvalidArgumentError } from 'commander';
import { printable } from './terminal.js';

/** @throws {InvalidArgumentError} no terminal can answer */
export function requireTerminal(): void {
  if (!process.stdin.isTTY)
    throw new InvalidArgumentError('Cannot ask for confirmation without a terminal; add --yes.');
}

/** Whether a person answers the question with `yes`. */
export async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${printable(question)} (yes/no) `);
  terminal.close();
  return answer.trim().toLowerCase() === 'yes';
}

#!/usr/bin/env node
import { CommanderError } from 'commander';
import { exitOnInterrupt } from './cli/interrupts.js';
import { createProgram } from './cli/program.js';
import { printableLines } from './cli/terminal.js';
import { JobError, messageOf, StartupError } from './shared/errors.js';
import { EXIT_CODES } from './shared/exit-codes.js';

exitOnInterrupt();
// A reader such as "head" closes the pipe when it has enough.
process.stdout.on('error', () => process.exit(EXIT_CODES.ok));

try {
  await createProgram().parseAsync();
  // With the code that the command has set in `process.exitCode`, else 0.
  process.exit();
} catch (error) {
  // Commander has already printed its own errors.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage);
  process.stderr.write(`${printableLines(error instanceof JobError ? error.detail : messageOf(error))}\n`);
  process.exit(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
}

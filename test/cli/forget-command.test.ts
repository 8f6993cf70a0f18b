import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';

/** Runs a command line that is refused, before anything connects to Redis. */
async function refusalOf(args: readonly string[]): Promise<string> {
  let printed = '';
  const program = createProgram();
  for (const command of program.commands) command.configureOutput({ writeErr: (text) => (printed += text) });
  await expect(program.parseAsync(['node', 'face-search', 'forget', ...args])).rejects.toMatchObject({
    exitCode: expect.not.closeTo(0),
  });
  return printed;
}

describe('forget refuses', () => {
  it.each([
    [['--person', 'a.jpg', '--threshold', '0.3', '--yes'], '--threshold must be at least 0.4'],
    [['--person', 'a.jpg', '--threshold', '7', '--yes'], 'It must be a number from 0 to 1'],
    [['--person', 'a.jpg', '--pack', 'edgeface', '--yes'], 'Name a folder, a photo or all'],
    [['--yes'], 'Name a folder, a photo or all'],
    [['all', '--threshold', '0.7', '--yes'], '--threshold and --no-opt-out need --person'],
    [['all', '--no-opt-out', '--yes'], '--threshold and --no-opt-out need --person'],
  ])('%j', async (args, reason) => {
    expect(await refusalOf(args)).toContain(reason);
  });
});

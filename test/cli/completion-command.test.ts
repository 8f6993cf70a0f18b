import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { createProgram } from '../../src/cli/program.js';

async function scriptFor(shell: string): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await createProgram().parseAsync(['completion', shell], { from: 'user' });
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

function isInstalled(shell: string): boolean {
  try {
    execFileSync(shell, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What bash offers for the last word. */
async function completeInBash(...words: string[]): Promise<string[]> {
  const script = `${await scriptFor('bash')}
    COMP_WORDS=(face-search "$@") COMP_CWORD=$#
    _face_search
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** What fish offers for a command line. */
async function completeInFish(line: string): Promise<string[]> {
  const script = `${await scriptFor('fish')}\ncomplete -C ${JSON.stringify(line)}`;
  const { stdout } = await promisify(execFile)('fish', ['--no-config', '-c', script]);
  return stdout.split('\n').map((found) => found.split('\t')[0] ?? '');
}

describe('completion in bash', () => {
  it('offers commands, and the options of a command', async () => {
    expect(await completeInBash('s')).toEqual(['search', 'status']);
    expect(await completeInBash('--v')).toEqual(['--version']);
    expect(await completeInBash('index', '--')).toEqual(['--pack', '--watch', '--help']);
    expect(await completeInBash('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('offers nothing where a file is due, so that bash completes files', async () => {
    expect(await completeInBash('search', '')).toEqual([]);
    expect(await completeInBash('index', 'Day')).toEqual([]);
  });
});

describe.skipIf(!isInstalled('fish'))('completion in fish', () => {
  it('offers commands, and the options of a command', async () => {
    expect(await completeInFish('face-search s')).toEqual(expect.arrayContaining(['search', 'status']));
    const options = await completeInFish('face-search index --');
    expect(options).toEqual(expect.arrayContaining(['--pack', '--watch', '--help']));
    expect(options).not.toContain('--stage');
  });
});

describe.skipIf(!isInstalled('zsh'))('completion in zsh', () => {
  it('is a script that zsh accepts', async () => {
    const script = `autoload -Uz compinit; compinit -D; ${await scriptFor('zsh')}; print $_comps[face-search]`;
    const { stdout, stderr } = await promisify(execFile)('zsh', ['-fc', script]);
    expect({ stdout, stderr }).toEqual({ stdout: '_face_search\n', stderr: '' });
  });
});

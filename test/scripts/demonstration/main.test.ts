import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';

test('Ctrl-C while the demo builds the project ends it with 130 and the right reason', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'interrupted-demo-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const npm = path.join(directory, 'npm');
  await writeFile(npm, '#!/usr/bin/env bash\necho building\nexec sleep 60\n', { mode: 0o755 });

  const demo = spawn(process.execPath, ['scripts/demonstration/main.mjs'], {
    env: { ...process.env, PATH: `${directory}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A terminal sends the signal to the whole group.
    detached: true,
  });
  const complaint = text(demo.stderr);
  await once(demo.stdout, 'data');
  process.kill(-(demo.pid ?? NaN), 'SIGINT');
  expect(await once(demo, 'exit')).toEqual([130, null]);
  expect(await complaint).toBe('\nInterrupted.\n');
});

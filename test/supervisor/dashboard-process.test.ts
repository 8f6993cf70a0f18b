import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT_CODES } from '../../src/shared/exit-codes.js';
import { createDashboardProcess, type DashboardProcess } from '../../src/supervisor/dashboard-process.js';
import { isAlive } from '../support/is-alive.js';
import { recordLog } from '../support/log-recorder.js';

const PATIENCE = { timeout: 10_000, interval: 20 };
const STAYS = 'setInterval(() => {}, 1000);';

let directory: string;
let log: ReturnType<typeof recordLog>;
let dashboard: DashboardProcess;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'dashboard-process-'));
  log = recordLog();
});
afterEach(async () => {
  await dashboard.stop();
  await rm(directory, { recursive: true });
});

/** A dashboard that notes its pid, then does what `script` says. */
async function startScripted(script: string): Promise<void> {
  const module = path.join(directory, 'dashboard.mjs');
  const note = `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(pidFile())}, process.pid + '\\n');`;
  await writeFile(module, `${note}\n${script}\n`);
  dashboard = createDashboardProcess(module, log.logger, () => 0);
  await dashboard.restart();
}

const pidFile = (): string => path.join(directory, 'pids');

async function pids(): Promise<number[]> {
  const text = await readFile(pidFile(), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

const started = (count: number): Promise<number[]> =>
  vi.waitFor(async () => {
    const found = await pids();
    if (found.length < count) throw new Error(`${found.length} were started`);
    return found;
  }, PATIENCE);

const said = (text: string | RegExp): Promise<void> =>
  vi.waitFor(() => {
    expect(log.lines.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(text));
  }, PATIENCE);

describe('the dashboard process', () => {
  it('restarts after a crash, and the log has its last error line', async () => {
    await startScripted(STAYS);
    const [first = 0] = await started(1);
    process.kill(first, 'SIGKILL');
    const [, second = 0] = await started(2);
    expect(second).not.toBe(first);
    await said(/^The dashboard was killed by SIGKILL; restarting it in/);
  });

  it('stays down for a while in a crash loop', async () => {
    await startScripted("console.error('out of luck'); process.exit(1);");
    await said(/^The dashboard exited with code 1: out of luck; restarting it in 300\.0 s$/);
    expect(await pids()).toHaveLength(5);
  });

  it('stays down if a restart cannot fix the problem', async () => {
    await startScripted(`process.exit(${EXIT_CODES.badConfig});`);
    await said(/^The dashboard exited with code 78; it stays down until the next rolling restart$/);
    expect(await pids()).toHaveLength(1);
    await dashboard.restart();
    await started(2);
  });

  it('is replaced on request', async () => {
    await startScripted(STAYS);
    const [first = 0] = await started(1);
    await dashboard.restart();
    expect(isAlive(first)).toBe(false);
    await started(2);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('stops with the supervisor, and is killed if it does not exit', async () => {
    await startScripted(`process.on('SIGTERM', () => {}); ${STAYS}`);
    const [pid = 0] = await started(1);
    // The handler is on once the process has said more than its pid.
    await vi.waitFor(() => expect(isAlive(pid)).toBe(true), PATIENCE);
    await dashboard.stop();
    expect(isAlive(pid)).toBe(false);
    expect(await pids()).toHaveLength(1);
  });
});

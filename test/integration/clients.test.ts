import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks, readDocument, ROOT } from '../support/documents.js';
import { createTestbed, drawPerson, STAGE, type Testbed } from '../support/testbed.js';

const TOKEN = '0123456789abcdef';
const FLEET = readDocument('docs/fleet.md');

let bed: Testbed;
let directory: string;
let dashboard: string;
beforeAll(async () => {
  bed = await createTestbed();
  directory = await mkdtemp(path.join(tmpdir(), 'clients-'));
  await writeFile(path.join(directory, 'me.jpg'), await drawPerson(4));
  await symlink(path.join(ROOT, 'node_modules'), path.join(directory, 'node_modules'));
  const supervisor = await bed.supervisor({ DASHBOARD_PORT: '0', DASHBOARD_TOKEN: TOKEN });
  const { url } = await supervisor.line(({ msg }) => msg.startsWith('The dashboard is at '));
  dashboard = new URL(String(url)).host;
});
afterAll(async () => {
  await bed.close();
  await rm(directory, { recursive: true });
});

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs the block of docs/fleet.md that contains the text, with the addresses of this test. @returns its output */
async function runBlock(
  [language, contents]: [string, string],
  file: string,
  program: string,
): Promise<string> {
  const block = codeBlocks(FLEET, language).find((code) => code.includes(contents)) ?? '';
  const code = block
    .replace("'redis.example.org', port: 6379", `'127.0.0.1', port: ${bed.server.port}`)
    .replace('127.0.0.1:3000', dashboard)
    .replace('YOUR_DASHBOARD_TOKEN', TOKEN);
  await writeFile(path.join(directory, file), code);
  const { stdout } = await promisify(execFile)(program, [file], {
    cwd: directory,
    env: { ...process.env, DASHBOARD_TOKEN: TOKEN },
  });
  return stdout;
}

describe('the clients in docs/fleet.md find the photos of a person', () => {
  it('in Node.js', async () => {
    const output = await runBlock(['js', 'bullmq'], 'search.mjs', process.execPath);
    expect(output).toContain(`id: '${STAGE}/p4.png'`);
  });

  it.skipIf(!isInstalled('python3'))('in Python', async () => {
    const output = await runBlock(['python', 'urllib'], 'search.py', 'python3');
    expect(output).toContain(`'id': '${STAGE}/p4.png'`);
  });

  it.skipIf(!isInstalled('curl'))('in a shell with curl', async () => {
    const output = await runBlock(['sh', 'curl'], 'search.sh', 'sh');
    expect(JSON.parse(output)).toMatchObject({ state: 'completed', matches: [{ id: `${STAGE}/p4.png` }] });
  });
});

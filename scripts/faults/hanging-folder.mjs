import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MODULE = fileURLToPath(new URL('fuse-folder.mjs', import.meta.url));

/**
 * A second view of a folder that can hang: while it does, its readers are in uninterruptible sleep.
 *
 * @typedef {{ path: string, hang(): void, resume(): void, close(): Promise<void> }} HangingFolder
 * @param {string} folder
 * @param {string} mountPoint
 * @returns {Promise<HangingFolder | null>} `null` if this user may not mount a FUSE file system
 */
export async function mountHangingFolder(folder, mountPoint) {
  await mkdir(mountPoint);
  const server = fork(MODULE, [folder, mountPoint], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const exited = once(server, 'exit');
  const answer = await Promise.race([once(server, 'message'), exited.then(() => null)]);
  if (answer === null) return null;
  return {
    path: mountPoint,
    hang: () => void server.send('hang'),
    resume: () => void server.send('resume'),
    close: async () => {
      if (server.connected) server.send('resume');
      await promisify(execFile)('umount', ['-f', '-l', mountPoint]);
      if (server.connected) server.disconnect();
      await exited;
    },
  };
}

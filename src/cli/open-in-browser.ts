import { spawn } from 'node:child_process';

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

/** Shows a file in the user's browser, where there is one; a machine without is no error. */
export function openInBrowser(file: string): Promise<void> {
  return new Promise((resolve) => {
    const opener = spawn(OPENERS[process.platform] ?? 'xdg-open', [file], {
      stdio: 'ignore',
      detached: true,
    });
    opener.once('error', () => {
      process.stderr.write('No browser could be opened here; the page is in the file above.\n');
      resolve();
    });
    opener.once('spawn', () => {
      opener.unref();
      resolve();
    });
  });
}

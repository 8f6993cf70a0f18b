import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's; `npm test` says how to install it where it is missing. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const SCREENSHOTS = path.resolve(import.meta.dirname, '../../.screenshots');

export interface Tab {
  readonly page: Page;
  /** What the browser itself complained of: errors of scripts, and of the Content-Security-Policy. */
  readonly complaints: readonly string[];
  /** Writes `.screenshots/<name>.png`. */
  screenshot(name: string): Promise<void>;
}

export interface TabOptions {
  readonly widthPx?: number;
  readonly colorScheme?: 'light' | 'dark';
}

export async function startBrowser(): Promise<Browser> {
  try {
    // Chromium's own sandbox needs rights that a container does not have; it sees our own page alone.
    return await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  } catch (error) {
    throw new Error(
      `Chromium cannot be started as ${CHROMIUM}: install it (on Debian and Ubuntu: sudo apt-get install chromium) or name it with CHROMIUM`,
      { cause: error },
    );
  }
}

export async function openTab(
  browser: Browser,
  url: string,
  { widthPx = 1280, colorScheme = 'light' }: TabOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width: widthPx, height: 800 },
    colorScheme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // What a request answered is the test's business, not the browser's.
    if (message.type() === 'error' && !/status of [45]\d\d|ERR_/.test(message.text()))
      complaints.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    complaints,
    screenshot: async (name) => {
      await mkdir(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
    },
  };
}

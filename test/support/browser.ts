import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Where Debian installs it. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const SCREENSHOTS = path.resolve(import.meta.dirname, '../../.screenshots');

export interface Tab {
  readonly page: Page;
  /** Errors that the browser logged: of scripts, and violations of the Content-Security-Policy. */
  readonly complaints: readonly string[];
  /** Requests to other hosts than that of the page. */
  readonly foreignRequests: readonly string[];
  /** Writes `.screenshots/<name>.png`. */
  screenshot(name: string): Promise<void>;
}

export interface TabOptions {
  readonly widthPx?: number;
  readonly colorScheme?: 'light' | 'dark';
  /** Logs the browser in first. */
  readonly token?: string;
}

export async function startBrowser(): Promise<Browser> {
  try {
    // Chromium's sandbox needs rights that containers lack. The browser opens only our own page.
    return await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  } catch (error) {
    throw new Error(
      `Cannot start Chromium at ${CHROMIUM}. Install it (on Debian and Ubuntu: sudo apt-get install chromium), or set CHROMIUM to its path.`,
      { cause: error },
    );
  }
}

type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>;

/** Of earlier logins: the dashboard allows ten in a minute. */
const sessions = new Map<string, Cookies>();

async function logIn(context: BrowserContext, url: string, token: string): Promise<void> {
  const key = `${url} ${token}`;
  const known = sessions.get(key);
  if (known !== undefined) return context.addCookies(known);
  const answer = await context.request.post(url, { data: { token } });
  if (!answer.ok()) throw new Error(`The dashboard refused the login with status ${answer.status()}.`);
  sessions.set(key, await context.cookies());
}

export async function openTab(
  browser: Browser,
  url: string,
  { widthPx = 1280, colorScheme = 'light', token }: TabOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width: widthPx, height: 800 },
    colorScheme,
    reducedMotion: 'reduce',
  });
  if (token !== undefined) await logIn(context, new URL('/api/session', url).href, token);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // The tests check the answers to requests themselves.
    if (message.type() === 'error' && !/status of [45]\d\d|ERR_/.test(message.text()))
      complaints.push(message.text());
  });
  const foreignRequests: string[] = [];
  const local = [new URL(url).origin, 'data:', 'blob:'];
  page.on('request', (request) => {
    if (!local.some((start) => request.url().startsWith(start))) foreignRequests.push(request.url());
  });
  await page.goto(url);
  return {
    page,
    complaints,
    foreignRequests,
    screenshot: async (name) => {
      await mkdir(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
    },
  };
}

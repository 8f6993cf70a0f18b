import { html, useEffect, useRef, useState } from '/vendor/preact.js';
import type { Session } from '../api/api.js';
import { useConfirm } from './components/confirm-dialog.js';
import { ConnectionBanner } from './components/connection-banner.js';
import { useNotices } from './components/notices.js';
import { ReadOnly } from './hooks/read-only.js';
import { useLive } from './hooks/use-live.js';
import { logOut } from './lib/api-client.js';
import { isStale } from './lib/live-state.js';
import { parseRoute, type Route } from './lib/route.js';
import { GalleriesPage } from './pages/galleries-page.js';
import { QueuePage } from './pages/queue-page.js';
import { SearchPage } from './pages/search-page.js';
import { WorkersPage } from './pages/workers-page.js';

interface LayoutProps {
  readonly session: Session;
  readonly onSessionChanged: () => void;
}

const PAGES: readonly { page: Route['page']; title: string; changes?: boolean }[] = [
  { page: 'workers', title: 'Workers' },
  { page: 'queue', title: 'Queue' },
  { page: 'galleries', title: 'Galleries' },
  { page: 'search', title: 'Search', changes: true },
];

/** The header with its navigation, and the page that the address names. */
export function Layout({ session, onSessionChanged }: LayoutProps) {
  const route = useRoute();
  const live = useLive(onSessionChanged);
  const nowMs = useNowMs(1000);
  const { ask, dialog } = useConfirm();
  const { attempt, notices } = useNotices();
  const main = useRef<HTMLElement>(null);
  const title = PAGES.find(({ page }) => page === route.page)?.title ?? '';
  useEffect(() => {
    document.title = `${title} · face-search-worker`;
  }, [title]);

  const leave = async () => {
    if (await attempt(logOut, () => 'Logged out.')) onSessionChanged();
  };
  // The search page is hidden, not removed, so that a search goes on while the user looks at another page.
  return html`
    <header class="bar">
      <a class="skip" href="#/${route.page}" onClick=${() => main.current?.focus()}>Skip to the content</a>
      <span class="brand">Face search</span>
      <nav aria-label="Pages">
        ${PAGES.filter(({ changes = false }) => !(changes && session.read_only)).map(
          ({ page, title: name }) => html`
            <a
              href="#/${page}"
              data-testid="nav-${page}"
              aria-current=${page === route.page ? 'page' : undefined}
              >${name}</a
            >
          `,
        )}
      </nav>
      ${session.read_only && html`<span class="faint" data-testid="read-only">read-only</span>`}
      <span class="version" title="Version of the dashboard">${session.version}</span>
      ${
        session.token_required &&
        html`<button type="button" class="quiet" data-testid="logout" onClick=${leave}>Log out</button>`
      }
    </header>
    <${ConnectionBanner} live=${live} nowMs=${nowMs} />
    <main ref=${main} tabindex="-1" class=${isStale(live, nowMs) ? 'stale' : undefined}>
      <${ReadOnly} value=${session.read_only}>
        ${route.page === 'workers' && html`<${WorkersPage} live=${live} ask=${ask} attempt=${attempt} />`}
        ${
          route.page === 'queue' &&
          html`<${QueuePage} live=${live} job=${route.job} ask=${ask} attempt=${attempt} />`
        }
        ${
          route.page === 'galleries' &&
          html`<${GalleriesPage} stage=${route.stage} ask=${ask} attempt=${attempt} />`
        }
        ${!session.read_only && html`<div hidden=${route.page !== 'search'}><${SearchPage} /></div>`}
        ${
          session.read_only &&
          route.page === 'search' &&
          html`<p class="empty" data-testid="no-search">
            The read-only token cannot search. Log in with the other one.
          </p>`
        }
      <//>
    </main>
    ${dialog} ${notices}
  `;
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}

/** This browser's clock, updated every `intervalMs`. */
function useNowMs(intervalMs: number): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return nowMs;
}

import { html, useEffect, useRef } from '/vendor/preact.js';
import type { Session } from '../api/api.js';
import { logOut } from './lib/api-client.js';
import { useConfirm } from './components/confirm-dialog.js';
import { ConnectionBanner } from './components/connection-banner.js';
import { isStale } from './lib/live-state.js';
import { useNotices } from './components/notices.js';
import { QueuePage } from './pages/queue-page.js';
import type { Route } from './lib/route.js';
import { TryPage } from './pages/search-page.js';
import { useLive } from './hooks/use-live.js';
import { useNow } from './hooks/use-now.js';
import { useRoute } from './hooks/use-route.js';
import { WorkersPage } from './pages/workers-page.js';

interface DashboardProps {
  readonly session: Session;
  readonly onSessionChanged: () => void;
}

const PAGES: readonly { page: Route['page']; title: string }[] = [
  { page: 'workers', title: 'Workers' },
  { page: 'queue', title: 'Queue' },
  { page: 'try', title: 'Try it' },
];

/** The page of somebody who is let in. */
export function Dashboard({ session, onSessionChanged }: DashboardProps) {
  const route = useRoute();
  const live = useLive(onSessionChanged);
  const now = useNow(1000);
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
  return html`
    <header class="bar">
      <a class="skip" href="#/${route.page}" onClick=${() => main.current?.focus()}>To the content</a>
      <span class="brand">Face search</span>
      <nav aria-label="Pages">
        ${PAGES.map(
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
      <span class="version" title="Version of the dashboard">${session.version}</span>
      ${
        session.token_required &&
        html`<button type="button" class="quiet" data-testid="logout" onClick=${leave}>Log out</button>`
      }
    </header>
    <${ConnectionBanner} live=${live} now=${now} />
    <main ref=${main} tabindex="-1" class=${isStale(live, now) ? 'stale' : undefined}>
      ${route.page === 'workers' && html`<${WorkersPage} live=${live} ask=${ask} attempt=${attempt} />`}
      ${
        route.page === 'queue' &&
        html`<${QueuePage} live=${live} job=${route.job} ask=${ask} attempt=${attempt} />`
      }
      <div hidden=${route.page !== 'try'}><${TryPage} /></div>
    </main>
    ${dialog} ${notices}
  `;
}

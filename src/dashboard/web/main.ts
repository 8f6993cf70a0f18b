import { html, render, useEffect, useErrorBoundary, useState } from '/vendor/preact.js';
import type { ApiProblem, Session } from '../api/api.js';
import { ProblemBox } from './components/problem-box.js';
import { Layout } from './layout.js';
import { problemOf, readSession, UNAUTHORIZED } from './lib/api-client.js';
import { Login } from './pages/login.js';

/** Shows the login page until the server accepts this browser, then the dashboard. */
function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [crash] = useErrorBoundary();
  const loadSession = () => {
    readSession().then(
      (found) => {
        setSession(found);
        setProblem(null);
      },
      (error: unknown) => setProblem(problemOf(error)),
    );
  };
  useEffect(() => {
    loadSession();
    addEventListener(UNAUTHORIZED, loadSession);
    return () => removeEventListener(UNAUTHORIZED, loadSession);
  }, []);

  if (crash !== undefined) {
    return html`
      <main class="gate">
        <${ProblemBox} title="The page has crashed" problem=${problemOf(crash)} />
        <p><a href="/">Reload</a></p>
      </main>
    `;
  }
  if (session === null) {
    return html`
      <main class="gate">
        ${
          problem === null
            ? html`<p class="empty" role="status">Loading…</p>`
            : html`<${ProblemBox}
                title="Cannot reach the dashboard"
                problem=${problem}
                retry=${loadSession}
              />`
        }
      </main>
    `;
  }
  if (session.token_required && !session.admitted) return html`<${Login} onLogin=${loadSession} />`;
  return html`<${Layout} session=${session} onSessionChanged=${loadSession} />`;
}

const root = document.getElementById('app');
if (root !== null) {
  // Removes the "Loading…" of index.html.
  root.replaceChildren();
  render(html`<${App} />`, root);
}

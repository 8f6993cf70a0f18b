import { html, useEffect, useErrorBoundary, useState } from '/vendor/preact.js';
import type { ApiProblem, Session } from '../api/api.js';
import { NOT_ADMITTED, problemOf, readSession } from './lib/api-client.js';
import { Dashboard } from './layout.js';
import { Login } from './pages/login.js';
import { ProblemBox } from './components/problem-box.js';

/** What stands before the page: is this browser let in? */
export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [crash] = useErrorBoundary();
  const look = () => {
    readSession().then(
      (found) => {
        setSession(found);
        setProblem(null);
      },
      (error: unknown) => setProblem(problemOf(error)),
    );
  };
  useEffect(() => {
    look();
    addEventListener(NOT_ADMITTED, look);
    return () => removeEventListener(NOT_ADMITTED, look);
  }, []);

  if (crash !== undefined) {
    return html`
      <main class="gate">
        <${ProblemBox} title="The page has stumbled" problem=${problemOf(crash)} />
        <p><a href="/">Load it again</a></p>
      </main>
    `;
  }
  if (session === null) {
    return html`
      <main class="gate">
        ${
          problem === null
            ? html`<p class="empty" role="status">Loading…</p>`
            : html`<${ProblemBox} title="The dashboard cannot be reached" problem=${problem} retry=${look} />`
        }
      </main>
    `;
  }
  if (session.token_required && !session.admitted) return html`<${Login} onAdmitted=${look} />`;
  return html`<${Dashboard} session=${session} onSessionChanged=${look} />`;
}

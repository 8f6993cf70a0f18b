import { html, useState } from '/vendor/preact.js';
import { logIn, problemOf, RequestError } from '../lib/api-client.js';

/** Exchanges the token for a session cookie. */
export function Login({ onLogin }: { readonly onLogin: () => void }) {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [sending, setSending] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setSending(true);
    logIn(token)
      .then(onLogin, (error: unknown) => {
        const isWrong = error instanceof RequestError && error.status === 401;
        setProblem(isWrong ? 'Wrong token' : problemOf(error).message);
      })
      .finally(() => setSending(false));
  };
  return html`
    <main class="gate">
      <form class="login" onSubmit=${submit} data-testid="login">
        <h1>Face search</h1>
        <label for="token">Dashboard token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          data-testid="token-input"
          value=${token}
          aria-invalid=${problem !== null}
          aria-describedby="token-problem"
          onInput=${(event: Event) => setToken((event.target as HTMLInputElement).value)}
        />
        <p id="token-problem" class="field-problem" role="alert" data-testid="login-error">${problem}</p>
        <button type="submit" class="primary" disabled=${sending} data-testid="login-button">Log in</button>
      </form>
    </main>
  `;
}

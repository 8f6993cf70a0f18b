import { html, useState } from '/vendor/preact.js';
import { logIn, problemOf, RequestError } from '../lib/api-client.js';

/** Asks for the token; the answer's cookie carries it from then on. */
export function Login({ onAdmitted }: { readonly onAdmitted: () => void }) {
  const [token, setToken] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setAsking(true);
    logIn(token)
      .then(onAdmitted, (error: unknown) => {
        const wrong = error instanceof RequestError && error.status === 401;
        setRefusal(wrong ? 'The token is not right.' : problemOf(error).message);
      })
      .finally(() => setAsking(false));
  };
  return html`
    <main class="gate">
      <form class="login" onSubmit=${submit} data-testid="login">
        <h1>Face search</h1>
        <label for="token">Token of this dashboard</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          data-testid="token-input"
          value=${token}
          aria-invalid=${refusal !== null}
          aria-describedby="token-refusal"
          onInput=${(event: Event) => setToken((event.target as HTMLInputElement).value)}
        />
        <p id="token-refusal" class="field-problem" role="alert" data-testid="login-error">${refusal}</p>
        <button type="submit" class="primary" disabled=${asking} data-testid="login-button">Log in</button>
      </form>
    </main>
  `;
}

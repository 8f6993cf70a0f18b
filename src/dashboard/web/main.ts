import { html, render } from '/vendor/preact.js';
import { App } from './app.js';

const root = document.getElementById('app');
if (root !== null) {
  // What index.html says until the scripts have come.
  root.replaceChildren();
  render(html`<${App} />`, root);
}

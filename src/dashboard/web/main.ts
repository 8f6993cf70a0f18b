import { html, render } from '/vendor/preact.js';

const root = document.getElementById('app');
if (root !== null) render(html`<p>Hello</p>`, root);

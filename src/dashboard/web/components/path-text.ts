import { html } from '/vendor/preact.js';

/** A stage or a path. Lines break after a slash, and within a name only if it is longer than a line. */
export function PathText({ path }: { readonly path: string }) {
  const names = path.split('/');
  return names.map(
    (name, i) => html`<span class="path-part">${i < names.length - 1 ? `${name}/` : name}</span>`,
  );
}

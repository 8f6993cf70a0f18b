import { html } from '/vendor/preact.js';

/** A stage or a path. A line may break after each slash, so that names stay whole where there is room for them. */
export function PathText({ path }: { readonly path: string }) {
  return path.split('/').map((part, i) => (i === 0 ? part : html`/<wbr />${part}`));
}

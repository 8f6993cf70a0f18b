import { html } from '/vendor/preact.js';

/** Paths on a grid of 16 by 16, drawn in the colour of the text. */
const ICONS = {
  working: 'M3 8a5 5 0 1 1 1.5 3.5M3 8l-1.6-1.6M3 8l1.7-1.5M8 5.2V8l2 1.4',
  idle: 'M3.5 8.5l3 3 6-7',
  trouble: 'M8 2.2L14.5 13.5H1.5ZM8 6.5v3M8 11.4v.2',
  offline: 'M2 2l12 12M5 3.6a6 6 0 0 1 8 7.6M11 12.9a6 6 0 0 1-8-7.9',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  resume: 'M5 3l8 5-8 5Z',
  restart: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7L14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  photo: 'M2 3h12v10H2ZM2 11l4-4 3 3 2-2 3 3M10.8 5.8h.2',
  chevron: 'M6 4l4 4-4 4',
} as const;

export type IconName = keyof typeof ICONS;

export function Icon({ name }: { readonly name: IconName }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}

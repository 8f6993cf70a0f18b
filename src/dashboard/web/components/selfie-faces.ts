import { html, useEffect, useState } from '/vendor/preact.js';
import type { SelfieDetails } from '../../../shared/job.js';
import { turnedSize, turnTransform, type Size } from '../lib/turned-image.js';

interface SelfieFacesProps {
  /** Where the browser finds the selfie. */
  readonly url: string;
  readonly selfie: SelfieDetails;
}

/** The selfie as it was searched, with its faces numbered. Nothing if the browser cannot show it, such as HEIC. */
export function SelfieFaces({ url, selfie: { turnedDeg, faces, searched } }: SelfieFacesProps) {
  const size = useImageSize(url);
  if (size === null) return null;
  const { width, height } = turnedSize(size, turnedDeg);
  // The letters are a fixed share of the picture, which is shown in one size.
  const letterPx = Math.max(width, height) / 14;
  return html`
    <svg
      class="selfie-faces"
      viewBox="0 0 ${width} ${height}"
      role="img"
      aria-label="The selfie with its faces"
      data-testid="selfie-faces"
    >
      <image
        href=${url}
        width=${size.width}
        height=${size.height}
        transform=${turnTransform(size, turnedDeg)}
      />
      ${faces.map(
        ({ box }, i) => html`
          <g key=${i} class=${i === searched ? 'searched' : undefined}>
            ${['frame-edge', 'frame'].map(
              (look) => html`
                <rect
                  class=${look}
                  x=${box.x * width}
                  y=${box.y * height}
                  width=${box.width * width}
                  height=${box.height * height}
                  vector-effect="non-scaling-stroke"
                />
              `,
            )}
            ${
              faces.length > 1 &&
              html`<text
                x=${box.x * width + letterPx / 4}
                y=${box.y * height + letterPx}
                font-size=${letterPx}
              >
                ${i + 1}
              </text>`
            }
          </g>
        `,
      )}
    </svg>
  `;
}

function useImageSize(url: string): Size | null {
  const [size, setSize] = useState<Size | null>(null);
  useEffect(() => {
    setSize(null);
    const image = new Image();
    image.addEventListener('load', () => setSize({ width: image.naturalWidth, height: image.naturalHeight }));
    image.src = url;
    return () => {
      image.src = '';
    };
  }, [url]);
  return size;
}

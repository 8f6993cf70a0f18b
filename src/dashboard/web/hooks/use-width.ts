import { useEffect, useRef, useState } from '/vendor/preact.js';

/** How wide an element is, so that what is drawn in it keeps the size of its letters. */
export function useWidth(atFirst: number): readonly [ref: { current: HTMLElement | null }, width: number] {
  const ref = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(atFirst);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.max(200, Math.round(entry.contentRect.width)));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

const BAR_WIDTH = 30;
const LINE_EVERY_PERCENT = 20;

/**
 * Shows the progress of a download: a bar on a terminal, else a line from time to time.
 *
 * @param {{ write: (text: string) => unknown, isTTY?: boolean }} stream
 * @param {string} name
 */
export function createProgress(stream, name) {
  let lastStep = -1;
  let isBarOpen = false;

  return {
    /**
     * @param {number} bytes so far
     * @param {number | null} totalBytes `null` if unknown
     */
    report(bytes, totalBytes) {
      const percent = totalBytes === null ? null : Math.min(100, Math.floor((100 * bytes) / totalBytes));
      const step = percent === null ? Math.floor(bytes / 1e6) : Math.floor(percent / LINE_EVERY_PERCENT);
      if (stream.isTTY) {
        stream.write(`\r${name} ${drawBar(percent)} ${formatMegabytes(bytes)}`);
        isBarOpen = true;
      } else if (step > lastStep) {
        const share = percent === null ? '' : ` ${percent} %,`;
        stream.write(`${name}:${share} ${formatMegabytes(bytes)}\n`);
      }
      lastStep = Math.max(lastStep, step);
    },

    /** Ends the line of the bar, so that other output can follow. */
    end() {
      if (isBarOpen) stream.write('\n');
      isBarOpen = false;
    },
  };
}

/** @param {number | null} percent */
function drawBar(percent) {
  if (percent === null) return '';
  const done = Math.round((percent / 100) * BAR_WIDTH);
  return `[${'='.repeat(done)}${' '.repeat(BAR_WIDTH - done)}] ${String(percent).padStart(3)} %`;
}

/** @param {number} bytes */
function formatMegabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * Control characters (C0, DEL, C1) and marks that reorder text. A file name or a host name may contain them, and a
 * terminal would obey: clear the screen, change the title, hide what follows.
 */
// oxlint-disable-next-line no-control-regex -- these are the characters to find
const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/g;

const BAR_WIDTH = 40;

/** One line of text that a terminal shows as it is: unsafe characters become `\x1b` or `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`;
  });
}

/** As `printable`, but keeps line breaks. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** JSON for a terminal or a program: JSON itself escapes C0 only. */
export function printableJson(value: unknown): string {
  return printableJsonText(JSON.stringify(value, null, 2));
}

function printableJsonText(json: string): string {
  return json
    .split('\n')
    .map((line) =>
      line.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
    )
    .join('\n');
}

/** `1 photo`, `2 photos` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : noun.endsWith('ch') ? 'es' : 's'}`;
}

/** Columns side by side, each as wide as its widest cell. The first row holds their names. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = (cells[0] ?? []).map((_, column) =>
    cells.reduce((width, row) => Math.max(width, (row[column] ?? '').length), 0),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Shows progress on standard error: a bar on a terminal, otherwise a line for every tenth. */
export function createProgressBar(
  output: NodeJS.WriteStream = process.stderr,
): (share: number, text: string) => void {
  let lastTenth = -1;
  return (share, text) => {
    const tenth = Math.floor(share * 10);
    if (output.isTTY) {
      const done = Math.round(share * BAR_WIDTH);
      const bar = `${'█'.repeat(done)}${'░'.repeat(BAR_WIDTH - done)}`;
      output.write(`\r${bar} ${text}\u001B[K${share >= 1 ? '\n' : ''}`);
    } else if (tenth !== lastTenth) {
      lastTenth = tenth;
      output.write(`${text}\n`);
    }
  };
}

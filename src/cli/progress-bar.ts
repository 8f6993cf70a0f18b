const BAR_WIDTH = 40;

/** Shows on standard error how far something is: a bar on a terminal, else a line for every tenth. */
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

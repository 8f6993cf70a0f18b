import os from 'node:os';

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/** @param {readonly number[]} values @param {number} digits */
export function formatSpread(values, digits) {
  return `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
}

/** @param {readonly (readonly (string | number)[])[]} rows the first one is the header */
export function formatTable(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column]).length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        typeof cell === 'number'
          ? String(cell).padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0),
      )
      .join('  '),
  );
  return [lines[0], widths.map((width) => '-'.repeat(width)).join('  '), ...lines.slice(1)].join('\n');
}

/** @param {ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>} recoveries fault -> part of its recovery -> times (ms) */
export function formatRecoveries(recoveries) {
  /** @type {(string | number)[][]} */
  const rows = [['fault', 'until', 'times', 'median ms', 'max ms']];
  for (const [fault, parts] of recoveries) {
    for (const [part, times] of parts) {
      rows.push([fault, part, times.length, Math.round(median(times)), Math.round(Math.max(...times))]);
    }
  }
  return formatTable(rows);
}

export function describeMachine() {
  const cpus = os.cpus();
  return `${cpus[0]?.model.trim() ?? 'unknown CPU'}, ${cpus.length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

/** A network's outputs by name. The first dimension of each is the batch. */
export type Outputs = ReadonlyMap<string, Float32Array>;

export type Run = (input: Float32Array, shape: readonly number[]) => Promise<Outputs>;

/**
 * Runs a batch in parts, one after another, and joins their outputs.
 *
 * @param shape of `input`; its first dimension is the batch
 * @param maxBatch images in a part
 * @param isFixed whether each part must have exactly `maxBatch` images; the last part is then padded with zeros
 */
export async function runInParts(
  run: Run,
  input: Float32Array,
  [batch = 1, ...rest]: readonly number[],
  { maxBatch, isFixed = false }: { readonly maxBatch: number; readonly isFixed?: boolean },
): Promise<Outputs> {
  const values = input.length / batch;
  const parts: Outputs[] = [];
  for (let start = 0; start < batch; start += maxBatch) {
    const count = Math.min(maxBatch, batch - start);
    const part = input.subarray(start * values, (start + count) * values);
    parts.push(
      isFixed && count < maxBatch
        ? firstRows(await run(padded(part, maxBatch * values), [maxBatch, ...rest]), count / maxBatch)
        : await run(part, [count, ...rest]),
    );
  }
  return join(parts);
}

function padded(values: Float32Array, length: number): Float32Array {
  const filled = new Float32Array(length);
  filled.set(values);
  return filled;
}

function firstRows(outputs: Outputs, share: number): Outputs {
  return new Map(
    [...outputs].map(([name, values]) => [name, values.subarray(0, Math.round(share * values.length))]),
  );
}

function join(parts: readonly Outputs[]): Outputs {
  const names = [...(parts[0]?.keys() ?? [])];
  return new Map(
    names.map((name) => {
      const pieces = parts.map((part) => part.get(name) ?? new Float32Array());
      const whole = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const piece of pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      return [name, whole];
    }),
  );
}

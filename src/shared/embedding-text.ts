/** An embedding as text: float32, little endian, base64. */
export function embeddingToText(embedding: Float32Array): string {
  return Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength).toString('base64');
}

/** @throws {RangeError} the text is no embedding */
export function embeddingFromText(text: string): Float32Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}

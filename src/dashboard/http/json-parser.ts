import type { FastifyInstance } from 'fastify';
import { ApiError } from '../api/api-error.js';

/** A search has three levels. Parsing millions of them blocks the process for seconds, and writing them overflows the stack. */
const MAX_DEPTH = 32;
/** A list of 100,000 photos has two each. Parsing a million fields with different names takes three seconds. */
const MAX_VALUES = 300_000;

/** Parses bodies in JSON, except those that nest deeply, have very many values or set a prototype. */
export function addJsonParser(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body.toString();
    const excess = findExcess(text);
    if (excess !== null) {
      done(new ApiError(400, 'BAD_REQUEST', `The JSON ${excess}.`));
      return;
    }
    // It calls `done` and returns nothing.
    void parse(request, text, done);
  });
}

/** Why JSON would take too long to parse, or `null`. Takes linear time, and skips long texts quickly. */
export function findExcess(json: string, maxDepth = MAX_DEPTH, maxValues = MAX_VALUES): string | null {
  let depth = 0;
  let commas = 0;
  for (let i = 0; i < json.length; i += 1) {
    const character = json[i];
    if (character === '[' || character === '{') {
      depth += 1;
      if (depth > maxDepth) return `nests more than ${maxDepth} levels`;
    } else if (character === ']' || character === '}') depth -= 1;
    else if (character === ',') {
      commas += 1;
      if (commas >= maxValues) return `has more than ${maxValues} values`;
    } else if (character === '"') i = endOfText(json, i + 1);
  }
  return null;
}

/** The position of the quote that ends a text. */
function endOfText(json: string, start: number): number {
  for (let end = json.indexOf('"', start); end !== -1; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return json.length;
}

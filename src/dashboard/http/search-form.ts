import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyError, FastifyRequest } from 'fastify';
import { ApiError } from '../api/api-error.js';

/** For texts: a stage or a uid. Images have to be files. */
export const MAX_FIELD_CHARS = 10_000;
export const MAX_SELFIES = 16;

const NUMBERS: ReadonlySet<string> = new Set(['threshold', 'limit']);
const FLAGS: ReadonlySet<string> = new Set(['details', 'boxes']);

/**
 * Reads a search from a form: its files are the selfies, its numbers and flags are texts.
 *
 * @param maxBytes for all selfies together
 * @throws {ApiError} `BAD_REQUEST` for a malformed form, `TOO_LARGE`
 */
export async function readSearchForm(
  request: FastifyRequest,
  maxBytes: number,
): Promise<Record<string, unknown>> {
  try {
    return await readParts(request, maxBytes);
  } catch (error) {
    // The parser's own errors have no status: the form is cut, or is not one.
    if (error instanceof ApiError || (error as FastifyError).statusCode !== undefined) throw error;
    throw new ApiError(400, 'BAD_REQUEST', 'The form is malformed or incomplete.');
  }
}

async function readParts(request: FastifyRequest, maxBytes: number): Promise<Record<string, unknown>> {
  const images: string[] = [];
  let bytes = 0;
  const fields: Record<string, unknown> = {};
  for await (const part of request.parts() as AsyncIterable<MultipartFile | MultipartValue>) {
    if (part.type === 'file') {
      const image = await part.toBuffer();
      bytes += image.length;
      if (bytes > maxBytes) {
        throw new ApiError(
          413,
          'TOO_LARGE',
          `The selfies have more than ${maxBytes} bytes together (MAX_IMAGE_BYTES).`,
        );
      }
      images.push(image.toString('base64'));
    } else {
      const text = textOf(part);
      if (Object.hasOwn(fields, part.fieldname)) {
        throw new ApiError(
          400,
          'BAD_REQUEST',
          `The form has the field "${part.fieldname.slice(0, 50)}" twice.`,
        );
      }
      if (text !== '') fields[part.fieldname] = valueOf(part.fieldname, text);
    }
  }
  // A file field that was left empty is a file of no bytes.
  const selfies = images.filter((image) => image !== '');
  return { ...fields, ...(selfies.length > 0 && { images: selfies }) };
}

function textOf({ fieldname, value, valueTruncated, fieldnameTruncated }: MultipartValue): string {
  if (valueTruncated || fieldnameTruncated) {
    throw new ApiError(
      413,
      'TOO_LARGE',
      `The form field "${fieldname.slice(0, 50)}" has more than ${MAX_FIELD_CHARS} characters. Send images as files, or the whole search as JSON.`,
    );
  }
  if (typeof value === 'string') return value;
  throw new ApiError(400, 'BAD_REQUEST', `The form field "${fieldname.slice(0, 50)}" must be a text.`);
}

function valueOf(field: string, text: string): unknown {
  if (NUMBERS.has(field)) return Number(text);
  return FLAGS.has(field) ? text === 'true' || text === '1' : text;
}

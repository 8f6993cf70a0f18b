import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../api/api-error.js';

/**
 * Bounds the memory of all request bodies in flight together.
 *
 * @param maxBytes for all of them
 * @param maxBodyBytes for one; counted where the client does not say how long its body is
 * @returns a hook that reserves the bytes of a request until its response has ended
 */
export function createUploadLimit(
  maxBytes: number,
  maxBodyBytes: number,
): (request: FastifyRequest, reply: FastifyReply) => void {
  let reserved = 0;

  return ({ headers }, reply) => {
    const length = Number(headers['content-length'] ?? NaN);
    const bytes = Number.isFinite(length) ? Math.min(length, maxBodyBytes) : maxBodyBytes;
    if (reserved + bytes > maxBytes) {
      reply.header('retry-after', '5');
      throw new ApiError(429, 'RATE_LIMITED', 'Too many uploads are in progress; try again in 5 seconds.');
    }
    reserved += bytes;
    reply.raw.once('close', () => {
      reserved -= bytes;
    });
  };
}

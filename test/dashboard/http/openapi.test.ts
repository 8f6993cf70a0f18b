import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';
import { workerRecord } from '../../support/worker-record.js';

type Operation = {
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, { schema: object }>> }>>;
};
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let dashboard: DashboardHarness;
let document: Document;
beforeAll(async () => {
  dashboard = await startDashboardHarness();
  // An empty gallery counts as not mounted.
  await mkdir(path.join(dashboard.galleryDir, 'Day-1'), { recursive: true });
  await writeFile(path.join(dashboard.galleryDir, 'Day-1', 'a.jpg'), '');
  await dashboard.register(workerRecord());
  document = (await (await dashboard.fetch('/api/openapi.json')).json()) as Document;
});
afterAll(() => dashboard.stop());

describe('the OpenAPI document', () => {
  it('is one', async () => {
    const { valid, errors } = await new Validator().validate(
      JSON.parse(JSON.stringify(document)) as Record<string, unknown>,
    );
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('names every route for programs', () => {
    const routes = Object.entries(document.paths).flatMap(([route, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${route}`),
    );
    expect(routes.toSorted()).toEqual(
      [
        'GET /healthz',
        'GET /readyz',
        'GET /metrics',
        'GET /api/session',
        'POST /api/session',
        'DELETE /api/session',
        'GET /api/events',
        'GET /api/workers',
        ...['pause', 'resume', 'restart'].flatMap((order) => [
          `POST /api/workers/{id}/${order}`,
          `POST /api/machines/{hostname}/${order}`,
        ]),
        'POST /api/searches',
        'GET /api/searches/{id}',
        'DELETE /api/searches/{id}',
        'GET /api/searches/{id}/events',
        'GET /api/searches/{id}/photos/{rank}',
        'GET /api/queues/{kind}/jobs',
        'GET /api/queues/{kind}/jobs/{id}',
        'POST /api/queues/{kind}/jobs/{id}/retry',
        'DELETE /api/queues/{kind}/jobs/{id}',
        'GET /api/galleries',
        'GET /api/galleries/{stage}',
        'POST /api/galleries/{stage}/index',
        'DELETE /api/galleries/{stage}',
        'GET /api/opt-outs',
        'DELETE /api/opt-outs/{id}',
      ].toSorted(),
    );
  });

  const selfie = Buffer.from('a picture').toString('base64');
  const add = async (): Promise<string> =>
    (
      (await (await dashboard.send('POST', '/api/searches', { image: selfie, stage: 'Day-1' })).json()) as {
        id: string;
      }
    ).id;

  it.each<[string, string, number, (() => Promise<string>) | null, unknown?]>([
    ['get', '/healthz', 200, null],
    ['get', '/readyz', 200, null],
    ['get', '/api/session', 200, null],
    ['post', '/api/session', 401, null, { token: 'none' }],
    ['get', '/api/workers', 200, null],
    ['post', '/api/workers/{id}/pause', 202, async () => 'host_gpu0'],
    ['post', '/api/workers/{id}/restart', 409, async () => 'host_gpu0'],
    ['post', '/api/workers/{id}/resume', 404, async () => 'nobody'],
    ['post', '/api/searches', 202, null, { image: selfie, stage: 'Day-1' }],
    ['post', '/api/searches', 400, null, {}],
    ['get', '/api/searches/{id}', 200, add],
    ['get', '/api/searches/{id}', 404, async () => 'nobody'],
    ['get', '/api/queues/{kind}/jobs', 400, async () => 'search'],
    ['get', '/api/galleries', 200, null],
    ['get', '/api/galleries/{stage}', 200, async () => 'Day-1'],
    ['post', '/api/galleries/{stage}/index', 404, async () => 'Nowhere'],
    ['delete', '/api/galleries/{stage}', 404, async () => 'Day-1'],
    ['get', '/api/opt-outs', 200, null],
    ['delete', '/api/opt-outs/{id}', 404, async () => 'nobody'],
  ])('describes what %s %s answers with %i', async (method, route, status, parameter, body) => {
    const url = parameter === null ? route : route.replace(/\{\w+\}/, await parameter());
    const response = await dashboard.send(method.toUpperCase(), url, body);
    expect(response.status).toBe(status);
    const schema = document.paths[route]?.[method]?.responses[status]?.content?.['application/json']?.schema;
    if (schema === undefined) throw new Error('This answer is not described');
    const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);
    validate(await response.json());
    expect(validate.errors).toBeNull();
  });
});

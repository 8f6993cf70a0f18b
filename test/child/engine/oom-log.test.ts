import { describe, expect, it } from 'vitest';
import { createOomLog } from '../../../src/child/engine/oom-log.js';
import { recordLog } from '../../support/log-recorder.js';

describe('createOomLog', () => {
  it('counts each step and logs it', () => {
    const { logger, lines } = recordLog();
    const log = createOomLog('cuda', logger);
    const sentences = (['halved', 'halved', 'shrunk', 'on-cpu'] as const).map((step) => log.note(step));
    expect(log.counts()).toEqual({ halved: 2, shrunk: 1, onCpu: 1 });
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatchObject({ level: 'warn', step: 'halved' });
    expect(sentences).toEqual(lines.map(({ msg }) => msg));
    expect(sentences[0]).toBe('The memory of the device (cuda) is exhausted. Trying smaller batches.');
  });

  it('reports when only a new process can help', async () => {
    const log = createOomLog('webgpu', recordLog().logger);
    log.note('spent');
    expect(log.counts()).toEqual({ halved: 0, shrunk: 0, onCpu: 1 });
    expect((await log.spent).message).toBe('The memory of the device (webgpu) stays exhausted');
  });
});

import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createFakeNvidiaSmi, fakeGpus } from '../support/fake-nvidia-smi.js';
import { createTestbed, selfieOf, slowJob, STAGE, type Testbed } from '../support/testbed.js';

/** Less than a child with tiny models needs, and more than half of it. */
const LIMIT_MB = '100';

let bed: Testbed;
beforeEach(async () => {
  bed = await createTestbed();
});
afterEach(() => bed.close());

describe('children over their memory limit', () => {
  it('are replaced one by one, between their jobs, and not too often', async () => {
    const smi = await createFakeNvidiaSmi();
    onTestFinished(() => smi.remove());
    await smi.answer(await fakeGpus(2));
    const supervisor = await bed.supervisor({
      PATH: smi.path,
      USE_CPU: '0',
      GALLERY_DIR: '',
      CHILD_MAX_RSS_MB: LIMIT_MB,
    });
    const jobs = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async () => bed.add(await slowJob(1, 15))));
    const ends = () =>
      supervisor.lines.filter(({ msg }) =>
        /^The child is over its memory|^Child exited as requested/.test(msg),
      );
    await supervisor.line(() => ends().length >= 4);
    const [first, firstEnd, second, secondEnd] = ends();
    expect(first?.msg).toMatch(/over its memory/);
    expect(firstEnd).toMatchObject({ msg: 'Child exited as requested', worker: first?.worker });
    expect(second?.msg).toMatch(/over its memory/);
    expect(second?.worker).not.toBe(first?.worker);
    expect(secondEnd).toMatchObject({ msg: 'Child exited as requested', worker: second?.worker });

    await Promise.all(jobs.map((job) => bed.inState(job, 'completed')));
    const ended = await Promise.all(jobs.map((job) => bed.queue.getJob(job.id ?? '')));
    expect(ended.map((job) => job?.attemptsStarted)).toEqual(jobs.map(() => 1));
    const { last_heartbeat: now } = await bed.recorded('host_gpu0', ({ status }) => status === 'online');
    const record = await bed.recorded('host_gpu0', ({ last_heartbeat }) => last_heartbeat >= now + 3);
    expect(record).toMatchObject({ restarts: 0, last_exit: { planned: true, code: 0 } });
    expect(record.rss_mb).toBeGreaterThan(Number(LIMIT_MB));
    expect(ends()).toHaveLength(4);
  });
});

it.runIf(process.platform === 'linux')(
  'a child works with a limit of 8 GB on its address space',
  async () => {
    const supervisor = await bed.supervisor({}, { ulimit: '-v 8000000' });
    await supervisor.line(({ msg }) => msg === 'Worker is ready' || msg.startsWith('The child exited'));
    expect(await readFile(`/proc/${supervisor.pid}/limits`, 'utf8')).toMatch(
      /^Max address space +8192000000 /m,
    );
    const job = await bed.add({ image: await selfieOf(1), stage: STAGE });
    await bed.inState(job, 'completed');
  },
);

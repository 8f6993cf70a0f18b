import { describe, expect, it } from 'vitest';
import { busKeyOf, meaningOfXid, newXids, readXids } from '../../../src/supervisor/devices/xid.js';

const numbersIn = (log: string) => readXids(log).map(({ busKey, number }) => `${number} of ${busKey}`);

describe('the Xids of a kernel log', () => {
  it('are found for all GPUs, oldest first, between other lines', () => {
    const log = [
      '[    1.275675] random: crng reseeded due to virtual machine fork',
      "[ 4909.922970] NVRM: Xid (PCI:0000:3b:00): 13, pid='<unknown>', name=<unknown>, Graphics Exception",
      '[ 5041.871534] NVRM: GPU at PCI:0000:5e:00: GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01',
      '[ 5041.871540] NVRM: Xid (PCI:0000:5e:00): 31, pid=77, name=node, Ch 00000009',
      '[ 5061.871534] NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=node, GPU has fallen off the bus.',
      '[ 5062.000001] NVRM: A GPU crash dump has been created.',
    ].join('\n');
    expect(numbersIn(log)).toEqual(['13 of 00000000:3b:00', '31 of 00000000:5e:00', '79 of 00000000:3b:00']);
    expect(readXids(log)[1]?.line).toMatch(/^\[ 5041.871540\] NVRM: Xid .*00000009$/);
  });

  it.each([
    ['an old driver', 'NVRM: Xid (0000:01:00): 31, Ch 0000000b, engmask 00000120, intr 10000000'],
    [
      'a MIG instance',
      'NVRM: Xid (PCI:0000:01:00 GPU-I:05): 31, pid=7194, Contained: CE User Channel (0x9).',
    ],
    ['one of its parts', 'NVRM: Xid (PCI:0000:01:00 GPU-I:05 GPU-CI:00): 31, pid=9, name=node, MMU Fault'],
    ['a log with dates', '2026-09-14T20:30:27-0400 host kernel: NVRM: Xid (PCI:0000:01:00): 31, pid=0'],
  ])('are found in the words of %s', (_what, line) => {
    expect(numbersIn(line)).toEqual(['31 of 00000000:01:00']);
  });

  it('are empty if no GPU reported one', () => {
    expect(numbersIn('NVRM: loading NVIDIA UNIX x86_64 Kernel Module\nnvidia: Xid\n')).toEqual([]);
  });
});

describe('the new Xids of a GPU', () => {
  const xids = [48, 31, 31, 45].map((number, k) => ({ busKey: 'x', number, line: `${k}` }));
  const linesAfter = (last: string | null) => newXids(xids, last).map(({ line }) => line);

  it('are those after the last seen line, each number once', () => {
    expect(linesAfter(null)).toEqual(['0', '2', '3']);
    expect(linesAfter('0')).toEqual(['2', '3']);
    expect(linesAfter('3')).toEqual([]);
  });

  it('are all of them if the log no longer has the last seen line', () => {
    expect(linesAfter('overwritten')).toEqual(['0', '2', '3']);
  });
});

describe('the PCI address of a GPU', () => {
  it.each([
    ['00000000:3B:00.0', '00000000:3b:00'],
    ['0000:3b:00', '00000000:3b:00'],
    ['00000001:00:00.0', '00000001:00:00'],
    ['10000:01:00.0', '00010000:01:00'],
  ])('%s is %s', (written, key) => {
    expect(busKeyOf(written)).toBe(key);
  });

  it('is unknown if nvidia-smi does not report it', () => {
    expect(busKeyOf(null)).toBeNull();
    expect(busKeyOf('[N/A]')).toBeNull();
  });
});

describe('the explanation of an Xid', () => {
  it.each([13, 31, 43, 45, 48, 63, 64, 74, 79, 94, 95, 119])('exists for %i', (number) => {
    expect(meaningOfXid(number)).not.toMatch(/docs.nvidia.com/);
  });

  it("refers to NVIDIA's list for the others", () => {
    expect(meaningOfXid(154)).toMatch(/docs.nvidia.com/);
  });
});

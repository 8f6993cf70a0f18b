import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/documents.js';

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

it('the container image is built with all files that the build reads', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { build: string } };
  const files = scripts.build
    .split(' ')
    .filter((word) => /^(scripts\/|tsconfig).*\.(mjs|json)$/.test(word))
    .map((file) => (file.startsWith('scripts/') ? path.posix.dirname(file) : file));
  const [untilBuild = ''] = read('Dockerfile').split('npm run build');
  const copied = [...untilBuild.matchAll(/^COPY (.*)/gm)].flatMap(([, words = '']) => words.split(' '));
  const admitted = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  expect(files).toContain('scripts/build');
  expect(copied).toEqual(expect.arrayContaining(['package.json', 'package-lock.json', 'src', ...files]));
  expect(admitted).toEqual(expect.arrayContaining(['package.json', 'package-lock.json', 'src', ...files]));
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { codeBlocks, DOCUMENTS, readDocument, ROOT } from '../support/documents.js';

const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};

/** Programs of others. No test runs these commands. */
const OTHER_PROGRAMS = new Set(
  'cp cd curl docker dmesg export grep head id nvidia-smi pm2 redis-cli sed sh source sudo systemctl tail tar tr'.split(
    ' ',
  ),
);

/** All commands in shell blocks and in inline code, as words. */
function commandsIn(document: string): string[][] {
  const text = readDocument(document);
  const inline = [...text.matchAll(/`((?:face-search|node|npm|npx|\.\/scripts\/|scripts\/)[^`\n]*)`/g)].map(
    ([, command = '']) => command,
  );
  const blocks = codeBlocks(text, 'sh').join('\n').split('\n');
  return [...blocks, ...inline]
    .map((line) => line.replaceAll(/'[^']*'|"[^"]*"/g, 'quoted').replace(/(^|\s)#.*/, ''))
    .flatMap((line) => line.split(/&&|\||[$<]\(/))
    .map((command) =>
      command
        .trim()
        .split(/\s+/)
        .filter((word) => word !== ''),
    )
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Za-z_]+=/.test(word))))
    .filter(([first]) => first !== undefined && !/^[A-Za-z_]+=/.test(first));
}

function flagsIn(words: readonly string[]): string[] {
  return words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*/, ''));
}

/** What is wrong with a command; `null` if it exists. */
function problemOf(words: readonly string[]): string | null {
  const [program = '', ...args] = words;
  if (program === 'npm') return problemOfNpm(args);
  if (program === 'npx') return problemOf(args);
  if (program === 'face-search-worker') return problemOfNode(['dist/supervisor.js', ...args]);
  if (program === 'face-search') return problemOfCommandLine(args);
  if (program === 'node' || program === './node-here') return problemOfNode(args);
  if (/^(\.\/)?scripts\//.test(program)) return problemOfScript(program, args);
  return OTHER_PROGRAMS.has(program) ? null : `unknown program ${program}`;
}

function problemOfNpm([command = '', ...args]: readonly string[]): string | null {
  if (['ci', 'install', 'test', 'pack'].includes(command)) return null;
  const [script = '', ...options] = args;
  if (command !== 'run' || scripts[script] === undefined) return `no npm script ${script}`;
  const file = /node (scripts\/\S+)/.exec(scripts[script])?.[1];
  return file === undefined ? null : problemOfScript(file, options);
}

function problemOfNode([file = '', ...args]: readonly string[]): string | null {
  if (file === 'dist/cli.js') return problemOfCommandLine(args);
  if (file.startsWith('scripts/')) return problemOfScript(file, args);
  const source = file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts');
  return existsSync(path.join(ROOT, source)) ? null : `no file ${file}`;
}

/** The options of scripts are looked for in the text of the script and of the files beside it. */
function problemOfScript(file: string, args: readonly string[]): string | null {
  const script = path.join(ROOT, file);
  if (!existsSync(script)) return `no file ${file}`;
  const folder = file.endsWith('scripts/demo')
    ? path.join(ROOT, 'scripts/demonstration')
    : path.dirname(script);
  const own = path.join(folder, path.basename(file, '.mjs'));
  const folders = [folder, ...(script !== own && existsSync(own) ? [own] : [])];
  const texts = folders.flatMap((one) =>
    readdirSync(one)
      .filter((name) => name.endsWith('.mjs'))
      .map((name) => readFileSync(path.join(one, name), 'utf8')),
  );
  const unknown = flagsIn(args).filter((flag) => {
    const name = flag.replace(/^-+/, '');
    const defined = new RegExp(`^\\s*'?${name}'?: \\{|--${name}\\b`, 'm');
    return !texts.some((text) => defined.test(text));
  });
  return unknown.length === 0 ? null : `${file} has no option ${unknown.join(', ')}`;
}

function problemOfCommandLine([name, ...args]: readonly string[]): string | null {
  const program = createProgram();
  if (name === undefined) return null;
  const command = name.startsWith('-') ? program : program.commands.find((one) => one.name() === name);
  if (command === undefined) return `face-search has no command ${name}`;
  const known = flagsOf(command);
  const unknown = flagsIn([name, ...args]).filter((flag) => !known.has(flag));
  return unknown.length === 0 ? null : `face-search ${name} has no option ${unknown.join(', ')}`;
}

function flagsOf(command: Command): Set<string | undefined> {
  return new Set(
    command
      .createHelp()
      .visibleOptions(command)
      .flatMap(({ short, long }) => [short, long]),
  );
}

/** As GitHub names the headings of a page. */
function anchorsOf(document: string): Set<string> {
  return new Set(
    [...readDocument(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe.each(DOCUMENTS)('%s', (document) => {
  it('names only commands and options that exist', () => {
    const problems = commandsIn(document)
      .map((words) => [words.join(' '), problemOf(words)])
      .filter(([, problem]) => problem !== null);
    expect(problems).toEqual([]);
  });

  it('links only to files and headings that exist', () => {
    const links = [...readDocument(document).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const dead = links
      .filter(([, file = '', anchor]) => {
        const target = file === '' ? document : path.posix.join(path.posix.dirname(document), file);
        if (!existsSync(path.join(ROOT, target))) return true;
        return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor);
      })
      .map(([link]) => link);
    expect(dead).toEqual([]);
  });
});

describe('the check of the documents', () => {
  it.each([
    ['face-search fnd', 'face-search has no command fnd'],
    ['node dist/cli.js index --wtch', 'face-search index has no option --wtch'],
    ['npm run buld', 'no npm script buld'],
    ['npm run models -- --mirrors x', 'scripts/models.mjs has no option --mirrors'],
    ['./scripts/demo --kep', './scripts/demo has no option --kep'],
    ['node dist/superviser.js', 'no file dist/superviser.js'],
    ['rm -r photos', 'unknown program rm'],
  ])('finds what is wrong with "%s"', (command, problem) => {
    expect(problemOf(command.split(' '))).toBe(problem);
  });
});

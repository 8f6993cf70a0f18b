#!/usr/bin/env node
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { nodeOptions } from '../../dist/shared/node-options.js';
import { queryNvidiaGpus } from '../../dist/supervisor/devices/nvidia-smi.js';
import { coresPerChild, poolThreads } from '../../dist/supervisor/slots/core-share.js';
import { describeMachine } from '../faults/report.mjs';
import { BATCH_SIZES } from './measure.mjs';
import { formatReport } from './report.mjs';

const HELP = `Shows how the face engine runs on this machine's GPUs. Attach the output to a bug report.

  npm run gpu-check -- [--models models] [--pack mobilefacenet] [--provider NAME] [--rounds 7] [--oom] [--json]
                       [--photos FOLDER [--seconds 20]]

  --models    folder of the models (fetch them with: npm run models)
  --provider  only this one: cpu, cuda, tensorrt, webgpu, dml or coreml
  --rounds    runs of each batch size (${BATCH_SIZES.join(', ')}) for the median
  --oom       also exhaust the memory on the CPU; on a GPU this is always done
  --photos    also run the whole engine on the JPEGs in this folder and its subfolders; on an NVIDIA GPU, the report
              shows the share of the time in which the GPU waited for photos
  --seconds   how long the engine runs
  --json      print JSON

Each provider runs in its own process, because a broken driver may crash it.`;

const PROVIDERS = ['cpu', 'cuda', 'tensorrt', 'webgpu', 'dml', 'coreml'];
const TIMEOUT_MS = 300_000;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** @typedef {import('./measure.mjs').Measurement} Measurement */
/** @typedef {{ provider: string, works: true, measured: Measurement } | { provider: string, works: false, reason: string }} Verdict */

const { values } = readCommandLine();
const models = path.resolve(values.models);
if (!existsSync(path.join(models, 'manifest.json'))) {
  console.error(`${models} has no manifest.json: set the folder of the models with --models.`);
  process.exit(EXIT_FAILED);
}

if (values.photos !== undefined && !existsSync(values.photos)) {
  console.error(`There is no folder ${values.photos}: set the folder of the photos with --photos.`);
  process.exit(EXIT_FAILED);
}

const gpus = await queryNvidiaGpus();
/** As in a child (docs/scaling.md). */
const cores = coresPerChild(gpus.kind === 'gpus' ? gpus.gpus.length : 1);
/** @type {Verdict[]} */
const verdicts = [];
for (const provider of values.provider === undefined ? PROVIDERS : [values.provider]) {
  if (!values.json) console.error(`Trying ${provider} …`);
  verdicts.push(await tryProvider(provider));
}
const report = {
  machine: describeMachine(),
  platform: `${process.platform} ${process.arch}`,
  runtime: `onnxruntime-node ${createRequire(import.meta.url)('onnxruntime-node/package.json').version}`,
  pack: values.pack,
  gpus,
  providers: verdicts,
};
console.log(values.json ? JSON.stringify(report, null, 2) : formatReport(report));
if (!verdicts.some(({ works }) => works)) process.exitCode = EXIT_FAILED;

function readCommandLine() {
  try {
    const parsed = parseArgs({
      options: {
        models: { type: 'string', default: 'models' },
        pack: { type: 'string', default: 'mobilefacenet' },
        provider: { type: 'string' },
        rounds: { type: 'string', default: '7' },
        oom: { type: 'boolean', default: false },
        photos: { type: 'string' },
        seconds: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (parsed.values.help) {
      console.log(HELP);
      process.exit();
    }
    const { provider, rounds, seconds } = parsed.values;
    if (provider !== undefined && !PROVIDERS.includes(provider)) {
      throw new Error(`Unknown provider "${provider}"; choose one of ${PROVIDERS.join(', ')}.`);
    }
    if (!/^[1-9]\d{0,3}$/.test(rounds))
      throw new Error(`--rounds must be a whole number from 1, but is "${rounds}".`);
    if (!/^[1-9]\d{0,2}$/.test(seconds))
      throw new Error(`--seconds must be a whole number from 1 to 999, but is "${seconds}".`);
    return parsed;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(EXIT_USAGE);
  }
}

/** @param {string} provider @returns {Promise<Verdict>} */
async function tryProvider(provider) {
  const child = fork(new URL('./measure.mjs', import.meta.url), [], {
    execArgv: nodeOptions(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { UV_THREADPOOL_SIZE: String(poolThreads(cores)), ...process.env },
  });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  /** @type {{ measured?: Measurement, reason?: string }} */
  let answer = {};
  child.on('message', (message) => {
    answer = /** @type {typeof answer} */ (message);
  });
  const timeoutMs = TIMEOUT_MS + 1000 * Number(values.seconds);
  const timer = setTimeout(() => {
    answer = { reason: `it did not finish within ${timeoutMs / 1000} s` };
    child.kill('SIGKILL');
  }, timeoutMs);
  child.send({
    provider,
    models,
    pack: values.pack,
    rounds: Number(values.rounds),
    oom: values.oom || provider !== 'cpu',
    photos: values.photos === undefined ? null : path.resolve(values.photos),
    seconds: Number(values.seconds),
    cores,
  });
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  if (answer.measured !== undefined) return { provider, works: true, measured: answer.measured };
  const ending = `its process ended with ${signal ?? `code ${code}`}${said === '' ? '' : `: ${said.trim().split('\n').at(-1)}`}`;
  return { provider, works: false, reason: answer.reason ?? ending };
}

import { type Config, loadConfig } from '../../shared/config.js';
import { ConfigError } from '../../shared/errors.js';
import { EXIT_CODES } from '../../shared/exit-codes.js';
import { count, printableJson } from '../terminal.js';
import { type Check, checksOf, formatChecks } from './check.js';
import { checkDevices } from './check-devices.js';
import { checkGallery } from './check-gallery.js';
import { checkDisk, checkNode, checkPort } from './check-machine.js';
import { checkModels } from './check-models.js';
import { checkRedisAndClock } from './check-redis.js';

/** Checks whether this machine can run workers. The exit code is 1 if something must be fixed first. */
export async function doctorCommand({ json = false }: { readonly json?: boolean }): Promise<void> {
  const checks = await runChecks();
  const errors = checks.filter(({ level }) => level === 'error').length;
  const warnings = checks.filter(({ level }) => level === 'warning').length;
  if (json) process.stdout.write(`${printableJson({ ok: errors === 0, checks })}\n`);
  else {
    process.stdout.write(`${formatChecks(checks)}\n`);
    process.stdout.write(`\n${count(errors, 'error')}, ${count(warnings, 'warning')}\n`);
  }
  if (errors > 0) process.exitCode = EXIT_CODES.crash;
}

async function runChecks(): Promise<Check[]> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    return [checkNode(), ...cause.problems.map(checksOf('settings').error)];
  }
  const models = checkModels(config.engine);
  const devices = models.then((found) => {
    const hasModels = found.every(({ level }) => level === 'ok');
    return checkDevices(config, hasModels);
  });
  const checks = await Promise.all([
    checkRedisAndClock(config),
    models,
    devices,
    checkGallery(config.gallery),
    checkPort(config.dashboard).then((check) => [check]),
    checkDisk(config.engine.modelsDir).then((check) => [check]),
  ]);
  return [checkNode(), ...checks.flat()];
}

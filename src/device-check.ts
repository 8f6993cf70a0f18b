import { createEngine } from './child/engine/engine-pool.js';
import { CUDA_INSTALL_HINT } from './child/engine/providers.js';
import type { DeviceCheckReply, DeviceCheckRequest } from './cli/doctor/check-devices.js';
import { messageOf } from './shared/errors.js';
import { createLogger } from './shared/logger.js';
import { findDevices, selectDevices } from './supervisor/devices/devices.js';
import { describeIdleGpu } from './supervisor/devices/nvidia-devices.js';

/** A process of `face-search doctor`. A broken driver may crash or hang it. */
process.once('message', (request) => {
  void answer(request as DeviceCheckRequest)
    .catch((error: unknown): DeviceCheckReply => ({ type: 'failed', reason: messageOf(error) }))
    .then((reply) => process.send?.(reply, () => process.exit()));
});

async function answer(request: DeviceCheckRequest): Promise<DeviceCheckReply> {
  switch (request.type) {
    case 'list': {
      const found = await findDevices();
      const notes = [...(found.problem === null ? [] : [found.problem]), ...found.idle.map(describeIdleGpu)];
      return { type: 'devices', devices: selectDevices(found, request.wanted), notes };
    }
    case 'try': {
      const engine = await createEngine({ ...request.question, logger: createLogger('doctor', 'silent') });
      const { name, provider, providerRefusals } = engine;
      await engine.stop();
      const refusals = providerRefusals.map((refusal) =>
        refusal.provider === 'cuda'
          ? { ...refusal, reason: `${refusal.reason}. ${CUDA_INSTALL_HINT}` }
          : refusal,
      );
      return { type: 'provider', name, provider, refusals };
    }
  }
}

/** One MIG instance that CUDA can use: a GPU instance with a compute instance in it. */
export interface ListedMigInstance {
  readonly gpuUuid: string;
  readonly number: number;
  /** `1g.10gb`, or `1c.3g.20gb` where compute instances share a GPU instance. */
  readonly profile: string;
  /** `MIG-<uuid>`, of drivers before R470 `MIG-GPU-<uuid>/<GPU instance>/<compute instance>`. */
  readonly uuid: string;
}

const GPU_LINE = /^GPU \d+: .*\(UUID: (GPU-[\w-]+)\)/;
const MIG_LINE = /^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[\w/-]+)\)/;

/** Reads `nvidia-smi -L`, which lists each GPU's MIG instances below it (NVIDIA's MIG user guide). */
export function parseMigInstances(list: string): ListedMigInstance[] {
  let gpuUuid: string | undefined;
  return list.split('\n').flatMap((line) => {
    if (line.startsWith('GPU ')) gpuUuid = GPU_LINE.exec(line)?.[1];
    const [, profile, number, uuid] = MIG_LINE.exec(line) ?? [];
    return gpuUuid === undefined || profile === undefined || number === undefined || uuid === undefined
      ? []
      : [{ gpuUuid, number: Number(number), profile, uuid }];
  });
}

import { messageOf } from '../../shared/errors.js';

/** `no-room`: a smaller batch or a later attempt may work. `device-lost`: this process cannot use the device again. */
export type MemoryFailure = 'no-room' | 'device-lost';

interface KnownError {
  readonly failure: MemoryFailure;
  readonly pattern: RegExp;
}

/** onnxruntime-node errors have no code, only text. The paths are those of the onnxruntime repository. */
const KNOWN_ERRORS: readonly KnownError[] = [
  // core/framework/bfc_arena.cc, for every device with an arena.
  { failure: 'no-room', pattern: /Failed to allocate memory for requested buffer of size/ },
  { failure: 'no-room', pattern: /Available memory of \d+ is smaller than requested bytes of/ },
  // core/providers/cuda/cuda_call.cc: cudaErrorMemoryAllocation, cuBLAS, cuDNN 8 and 9.
  { failure: 'no-room', pattern: /CUDA failure 2: / },
  { failure: 'no-room', pattern: /CUBLAS_STATUS_ALLOC_FAILED/ },
  { failure: 'no-room', pattern: /CUDNN_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)/ },
  // TensorRT's own messages.
  { failure: 'no-room', pattern: /CUDA error (2 allocating|in allocate: 2)/i },
  // core/providers/dml: E_OUTOFMEMORY, and DXGI_ERROR_DEVICE_REMOVED, _HUNG and _RESET.
  { failure: 'no-room', pattern: /\b8007000E\b/i },
  { failure: 'device-lost', pattern: /\b887A000[567]\b/i },
  // core/providers/webgpu/webgpu_context.cc, and Dawn, which it uses.
  { failure: 'no-room', pattern: /WebGPU device error\(2\)|VK_ERROR_OUT_OF_DEVICE_MEMORY/ },
  { failure: 'device-lost', pattern: /\bdevice (is |was )?lost\b|VK_ERROR_DEVICE_LOST/i },
];

/** @returns `null` if the error is not about device memory */
export function memoryFailureOf(error: unknown): MemoryFailure | null {
  const message = messageOf(error);
  return KNOWN_ERRORS.find(({ pattern }) => pattern.test(message))?.failure ?? null;
}

import { describe, expect, it } from 'vitest';
import { memoryFailureOf } from '../../../src/child/engine/memory-errors.js';

/** As people have met them; the paths of their machines are left out. */
const KNOWN = [
  [
    'the arena, of a whole device',
    "Non-zero status code returned while running FusedConv node. Name:'Conv_3' Status Message: onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 643840",
    'no-room',
  ],
  [
    'the arena, of its limit',
    'BFCArena::AllocateRawInternal Available memory of 19968 is smaller than requested bytes of 1572864',
    'no-room',
  ],
  [
    'CUDA',
    'onnxruntime::CudaCall CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_stream_handle.cc ; line=175 ; expr=cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);',
    'no-room',
  ],
  [
    'cuBLAS',
    'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=h ; file=cuda_stream_handle.cc ; line=73 ; expr=cublasCreate(&cublas_handle_);',
    'no-room',
  ],
  ['cuDNN 8', 'CUDNN failure 2: CUDNN_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=h', 'no-room'],
  ['cuDNN 9', 'CUDNN failure 4004: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0', 'no-room'],
  ['TensorRT, building', 'CUDA error 2 allocating 6370102777-byte buffer: out of memory', 'no-room'],
  ['TensorRT, loading', 'safeRuntime.cpp (25) - Cuda Error in allocate: 2 (out of memory)', 'no-room'],
  [
    'DirectML',
    'BucketizedBufferAllocator.cpp(122) Exception(1) 8007000E Not enough memory resources are available to complete this operation.',
    'no-room',
  ],
  [
    'DirectML, its device removed',
    'DmlCommandRecorder.cpp(371) Exception(2) 887A0005 The GPU device instance has been suspended. Use GetDeviceRemovedReason to determine the appropriate action.',
    'device-lost',
  ],
  [
    'WebGPU',
    '[E:onnxruntime:Default, webgpu_context.cc:120] WebGPU device error(2): Out of memory',
    'no-room',
  ],
  ['Vulkan under WebGPU', 'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY', 'no-room'],
  [
    'WebGPU, its device lost',
    'WebGPU device lost (1): A valid external Instance reference no longer exists.',
    'device-lost',
  ],
] as const;

describe('an out-of-memory error is recognised by the message of', () => {
  it.each(KNOWN)('%s', (_, message, failure) => {
    expect(memoryFailureOf(new Error(message))).toBe(failure);
  });
});

it.each([
  'Got invalid dimensions for input: input for the following indices',
  'CUDA failure 719: unspecified launch failure ; GPU=0',
  'CUDA failure 209: no kernel image is available for execution on the device',
  'no available backend found. ERR: [dml] backend not found.',
])('is not blamed for: %s', (message) => {
  expect(memoryFailureOf(new Error(message))).toBeNull();
});

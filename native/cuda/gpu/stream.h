// SPDX-License-Identifier: Apache-2.0
// The stream a launch is enqueued on: cudaStream_t by its own name, so that code without the CUDA headers can pass one
// through.
#ifndef RAPT_CUDA_GPU_STREAM_H
#define RAPT_CUDA_GPU_STREAM_H

typedef struct CUstream_st *gpu_stream;

#endif

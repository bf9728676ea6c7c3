// SPDX-License-Identifier: Apache-2.0
// The stream that a launch is enqueued on: the struct behind cudaStream_t, so that code without the CUDA headers can
// pass one on.
#ifndef RAPT_CUDA_GPU_STREAM_H
#define RAPT_CUDA_GPU_STREAM_H

typedef struct CUstream_st *gpu_stream;

#endif

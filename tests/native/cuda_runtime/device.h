/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file device.h
 * @brief CUDA contexts for tests, and tensors on their device.
 */
#ifndef RAPT_TESTS_CUDA_DEVICE_H
#define RAPT_TESTS_CUDA_DEVICE_H

#include <rapt/rapt.h>
#include <stddef.h>

/** A context on this CUDA device; ends the test where it cannot be had. */
rapt_context *cuda_context(int32_t ordinal);

/** Device memory; ends the test where there is none. */
void *cuda_allocate(rapt_context *context, size_t bytes);

/** A copy of host memory on the device; ends the test where that fails. */
void *cuda_upload(rapt_context *context, const void *from, size_t bytes);

/** Copies back; ends the test where that fails. */
void cuda_download(rapt_context *context, void *to, const void *from, size_t bytes);

void cuda_release(rapt_context *context, void *memory);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "call/validate.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "cpu/engine/rows.h"
#include "base/arena.h"

rapt_status rapt_check_size(const char *name, int64_t value, int64_t least, int64_t most, rapt_error *error) {
  if (value >= least && value <= most) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %" PRId64 "; allowed are %" PRId64 " to %" PRId64, name, value,
                   least, most);
}

static int dtype_allowed(int32_t wanted, int32_t dtype) {
  if (wanted > 0) return dtype == wanted;
  if (dtype == RAPT_I8) return wanted == RAPT_FLOAT_OR_I8;
  return dtype == RAPT_F32 || dtype == RAPT_F16 || dtype == RAPT_BF16;
}

static const char *allowed_dtypes(int32_t wanted) {
  switch (wanted) {
    case RAPT_F32:
      return "1 (f32)";
    case RAPT_BOOL:
      return "2 (bool)";
    case RAPT_I64:
      return "6 (i64)";
    case RAPT_FLOAT_OR_I8:
      return "1 (f32), 3 (f16), 4 (bf16) and 5 (i8)";
    default:
      return "1 (f32), 3 (f16) and 4 (bf16)";
  }
}

rapt_status rapt_check_tensor(const char *name, const rapt_tensor *tensor, int32_t dtype, int32_t rank,
                              const int64_t *size, rapt_view *view, rapt_error *error) {
  *view = (rapt_view){
      .name = name, .data = tensor->data, .rank = rank, .element_size = (int32_t)rapt_element_size(tensor->dtype)};
  int empty = 0;
  for (int32_t d = 0; d < rank; d++) {
    view->size[d] = size[d];
    view->stride[d] = tensor->stride[d];
    empty |= size[d] == 0;
  }
  if (tensor->data == NULL && !empty) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL", name);
  if (tensor->data == NULL) return RAPT_OK;
  if (!dtype_allowed(dtype, tensor->dtype)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s has dtype %d; allowed is %s", name, tensor->dtype,
                     allowed_dtypes(dtype));
  }
  if (tensor->reserved != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s.reserved is %d; allowed is 0", name, tensor->reserved);
  }
  if ((uintptr_t)tensor->data % (uintptr_t)view->element_size != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is at %p, which is not aligned to %d bytes", name, tensor->data,
                     view->element_size);
  }
  int64_t low, high;
  if (!rapt_view_extent(view, &low, &high)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s has sizes and strides whose byte offsets overflow 64 bits",
                     name);
  }
  return RAPT_OK;
}

rapt_status rapt_check_optional(const char *name, const rapt_tensor *tensor, int32_t dtype, int32_t rank,
                                const int64_t *size, rapt_view *view, rapt_error *error) {
  if (tensor->data != NULL) return rapt_check_tensor(name, tensor, dtype, rank, size, view, error);
  *view = (rapt_view){.name = name};
  return RAPT_OK;
}

rapt_status rapt_check_overlaps(const rapt_view *written, int32_t written_count, const rapt_view *read,
                                int32_t read_count, rapt_error *error) {
  for (int32_t w = 0; w < written_count; w++) {
    if (written[w].data == NULL) continue;
    if (rapt_overlaps_itself(&written[w])) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s has strides by which its elements overlap each other",
                       written[w].name);
    }
    for (int32_t o = 0; o < w + read_count; o++) {
      const rapt_view *other = o < w ? &written[o] : &read[o - w];
      if (other->data != NULL && rapt_overlap(&written[w], other)) {
        return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s overlaps %s in memory", written[w].name, other->name);
      }
    }
  }
  return RAPT_OK;
}

rapt_status rapt_check_no_stream(const rapt_stream *stream, rapt_error *error) {
  if (stream == NULL) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "a stream is given, but this context's device is the CPU");
}

rapt_status rapt_check_scratch(const void *scratch, int64_t size, rapt_error *error) {
  if ((uintptr_t)scratch % RAPT_SCRATCH_ALIGNMENT != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "scratch is at %p, which is not aligned to %d bytes", scratch,
                     RAPT_SCRATCH_ALIGNMENT);
  }
  return rapt_check_size("scratch_size", size, 0, INT64_MAX, error);
}

rapt_status rapt_check_options(const rapt_sdpa_options *o, rapt_error *error) {
  const int32_t known = RAPT_SCALE | RAPT_CAUSAL | RAPT_WINDOW;
  if ((o->flags & ~known) != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.flags is 0x%x; known bits are 0x%x", (unsigned)o->flags,
                     (unsigned)known);
  }
  if ((o->flags & RAPT_SCALE) != 0 && !isfinite(o->scale)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.scale is %g; it must be finite", (double)o->scale);
  }
  if (!isfinite(o->softcap) || o->softcap < 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.softcap is %g; it must be finite, and 0 (off) or above",
                     (double)o->softcap);
  }
  if ((o->flags & RAPT_WINDOW) != 0) {
    rapt_status status = rapt_check_size("options.window_left", o->window_left, -1, INT64_MAX, error);
    if (status == RAPT_OK) status = rapt_check_size("options.window_right", o->window_right, -1, INT64_MAX, error);
    if (status != RAPT_OK) return status;
  }
  if (o->weights_stage < RAPT_WEIGHTS_RAW || o->weights_stage > RAPT_WEIGHTS_SOFTMAX) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.weights_stage is %d; allowed are %d to %d",
                     o->weights_stage, RAPT_WEIGHTS_RAW, RAPT_WEIGHTS_SOFTMAX);
  }
  for (int32_t i = 0; i < 4; i++) {
    if (o->reserved[i] != 0) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.reserved[%d] is %" PRId64 "; allowed is 0", i,
                       o->reserved[i]);
    }
  }
  return RAPT_OK;
}

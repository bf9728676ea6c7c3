// SPDX-License-Identifier: Apache-2.0
#include "base/overlap.h"

int rapt_view_extent(rapt_view *view) {
  int64_t low = 0, high = view->element_size;
  int overflows = 0;
  view->low = view->high = 0;
  for (int32_t d = 0; d < view->rank; d++) {
    // Most tensors have a dimension of size 1, whose stride does not matter.
    if (view->size[d] == 1) continue;
    if (view->size[d] == 0) return 1;
    int64_t span;
    overflows |= __builtin_mul_overflow(view->size[d] - 1, view->stride[d], &span);
    overflows |= __builtin_mul_overflow(span, view->element_size, &span);
    overflows |= __builtin_add_overflow(low, span < 0 ? span : 0, &low);
    overflows |= __builtin_add_overflow(high, span < 0 ? 0 : span, &high);
  }
  if (overflows) return 0;
  view->low = low;
  view->high = high;
  int64_t address = (int64_t)(intptr_t)view->data, end;
  // No memory lies below address 0, so that a stride has a magnitude too.
  return !__builtin_add_overflow(address, high, &end) && !__builtin_add_overflow(address, low, &end) && end >= 0;
}

// The dimensions of more than one index, with the magnitudes of their strides in bytes, smallest first; returns how
// many there are.
static int32_t moving(const rapt_view *view, int64_t size[RAPT_MAX_RANK], int64_t stride[RAPT_MAX_RANK]) {
  int32_t n = 0;
  for (int32_t d = 0; d < view->rank; d++) {
    if (view->size[d] < 2) continue;
    int64_t s = view->stride[d] < 0 ? -view->stride[d] : view->stride[d];
    s *= view->element_size;
    int32_t at = n++;
    for (; at > 0 && stride[at - 1] > s; at--) {
      stride[at] = stride[at - 1];
      size[at] = size[at - 1];
    }
    stride[at] = s;
    size[at] = view->size[d];
  }
  return n;
}

int rapt_overlaps_itself(const rapt_view *view) {
  int64_t size[RAPT_MAX_RANK], stride[RAPT_MAX_RANK], extent = view->element_size;
  if (rapt_view_is_empty(view)) return 0;
  int32_t n = moving(view, size, stride);
  for (int32_t d = 0; d < n; d++) {
    if (stride[d] < extent) return 1;
    extent += (size[d] - 1) * stride[d];
  }
  return 0;
}

// Whether the view is a block that repeats at multiples of `period` bytes: every stride is a multiple of the period or
// lies inside the block, and the block fits into one period. *inner is the block's extent in bytes.
static int fits_period(const rapt_view *view, int64_t period, int64_t *inner) {
  int64_t size[RAPT_MAX_RANK], stride[RAPT_MAX_RANK];
  int32_t n = moving(view, size, stride);
  *inner = view->element_size;
  for (int32_t d = 0; d < n; d++) {
    if (stride[d] % period == 0) continue;
    if (stride[d] > period) return 0;
    *inner += (size[d] - 1) * stride[d];
  }
  return *inner <= period;
}

// Whether both views are such blocks, and the blocks are disjoint modulo the period.
static int apart_within(const rapt_view *a, const rapt_view *b, int64_t a_start, int64_t b_start, int64_t period) {
  int64_t a_inner, b_inner;
  if (!fits_period(a, period, &a_inner) || !fits_period(b, period, &b_inner)) return 0;
  int64_t distance = (b_start - a_start) % period;
  if (distance < 0) distance += period;
  return distance >= a_inner && b_inner <= period - distance;
}

int rapt_overlap(const rapt_view *a, const rapt_view *b) {
  if (rapt_view_is_empty(a) || rapt_view_is_empty(b)) return 0;
  int64_t a_start = (int64_t)(intptr_t)a->data + a->low, a_end = (int64_t)(intptr_t)a->data + a->high;
  int64_t b_start = (int64_t)(intptr_t)b->data + b->low, b_end = (int64_t)(intptr_t)b->data + b->high;
  if (a_end <= b_start || b_end <= a_start) return 0;
  const rapt_view *views[] = {a, b};
  for (int v = 0; v < 2; v++) {
    int64_t size[RAPT_MAX_RANK], stride[RAPT_MAX_RANK];
    int32_t n = moving(views[v], size, stride);
    for (int32_t d = 0; d < n; d++) {
      if (stride[d] > 0 && apart_within(a, b, a_start, b_start, stride[d])) return 0;
    }
  }
  return 1;
}

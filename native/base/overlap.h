// SPDX-License-Identifier: Apache-2.0
// Whether strided views share an element.
#ifndef RAPT_BASE_OVERLAP_H
#define RAPT_BASE_OVERLAP_H

#include <stdint.h>

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// A strided view with its dimensions; element_size in bytes. low and high are its extent: the byte offsets of the
// lowest element and of the end of the highest one, relative to data; both 0 where it has no element.
typedef struct rapt_view {
  const char *name;
  const void *data;
  int32_t rank;
  int32_t element_size;
  int64_t size[RAPT_MAX_RANK];
  int64_t stride[RAPT_MAX_RANK];
  int64_t low;
  int64_t high;
} rapt_view;

// Fills in the extent from the rest, which the functions below need. Returns 0 where an offset or address overflows.
int rapt_view_extent(rapt_view *view);

static inline int rapt_view_is_empty(const rapt_view *view) { return view->low == view->high; }

// Whether two different indices of the view name overlapping bytes. Exact for views whose dimensions nest (each stride
// at least the extent of all smaller ones); anything else counts as overlapping.
int rapt_overlaps_itself(const rapt_view *view);

// Whether the two views share a byte. Exact where their byte ranges are disjoint, or where they are interleaved parts
// of one buffer (their outer strides are multiples of a common one and their inner extents fit inside it); in other
// cases ranges that intersect count as overlapping.
int rapt_overlap(const rapt_view *a, const rapt_view *b);

#ifdef __cplusplus
}
#endif

#endif

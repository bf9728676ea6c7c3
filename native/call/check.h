// SPDX-License-Identifier: Apache-2.0
// The one check of a call, by its operation's table. All devices share it, so they refuse the same calls with the same
// sentences.
#ifndef RAPT_CALL_CHECK_H
#define RAPT_CALL_CHECK_H

#include "base/overlap.h"
#include "call/operation.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rapt_checked {
  const rapt_operation *operation;
  rapt_sizes sizes;
  uint32_t cases;
  // Whether no written operand has an element: then there is nothing to do.
  int empty;
} rapt_checked;

// What a check is for: a plan needs no address, a run does.
typedef enum rapt_purpose { RAPT_FOR_PLAN, RAPT_FOR_RUN } rapt_purpose;

// Copies a caller's struct into *problem, checks it and derives the rest of the problem. Writes nothing else and reads
// no tensor.
rapt_status rapt_check_call(const rapt_context *context, int32_t operation, const void *call, rapt_purpose purpose,
                            void *problem, rapt_checked *checked, rapt_error *error);

// Whether an entry of the table counts in a checked call, and its tensor is present and has an element.
int rapt_operand_has_elements(const rapt_checked *checked, const void *call, const rapt_operand *operand);

static inline const rapt_tensor *rapt_operand_tensor(const void *call, const rapt_operand *operand) {
  return (const rapt_tensor *)((const unsigned char *)call + operand->offset);
}

// Checks one tensor by an entry of a table, for structs that are not calls, and describes it in *view.
rapt_status rapt_check_operand(const rapt_operand *operand, const rapt_tensor *tensor, const rapt_sizes *sizes,
                               rapt_purpose purpose, rapt_view *view, rapt_error *error);

rapt_status rapt_check_size(const char *name, int64_t value, int64_t least, int64_t most, rapt_error *error);

// Checks that a field has only known bits.
rapt_status rapt_check_flags(const char *name, int32_t flags, int32_t known, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif

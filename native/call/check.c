// SPDX-License-Identifier: Apache-2.0
#include "call/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/tensor.h"
#include "call/device.h"
#include "call/params.h"

// More than any operation has.
#define MOST_OPERANDS 24

rapt_status rapt_check_size(const char *name, int64_t value, int64_t least, int64_t most, rapt_error *error) {
  if (value >= least && value <= most) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %" PRId64 "; allowed: %" PRId64 " to %" PRId64, name, value,
                   least, most);
}

rapt_status rapt_check_flags(const char *name, int32_t flags, int32_t known, rapt_error *error) {
  if ((flags & ~known) == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is 0x%x; known bits are 0x%x", name, (unsigned)flags,
                   (unsigned)known);
}

static rapt_status refuse_dtype(const rapt_operand *operand, int32_t dtype, rapt_error *error) {
  char allowed[160] = "";
  size_t used = 0;
  uint32_t left = operand->dtypes;
  for (int32_t d = 1; d < RAPT_DTYPES; d++) {
    if ((left & RAPT_ONLY(d)) == 0) continue;
    left &= ~RAPT_ONLY(d);
    const char *join = used == 0 ? "" : left == 0 ? " and " : ", ";
    used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%d (%s)", join, d, rapt_dtypes[d].name);
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s has dtype %d; allowed: %s", operand->name, dtype, allowed);
}

static rapt_status refuse_address(const char *name, rapt_error *error) {
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is given, but its dtype is 0, which stands for an absent tensor",
                   name);
}

// Turns a view of elements into one of the blocks that they are stored in.
static rapt_status count_blocks(const char *name, int32_t dtype, rapt_view *view, rapt_error *error) {
  const rapt_dtype *type = &rapt_dtypes[dtype];
  int32_t last = view->rank - 1;
  if (view->size[last] % type->block != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "%s is %s with a last dimension of %" PRId64 "; allowed: multiples of %d", name, type->name,
                     view->size[last], type->block);
  }
  if (view->stride[last] != 1) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %s with stride[%d] %" PRId64 "; allowed: 1", name, type->name,
                     last, view->stride[last]);
  }
  for (int32_t d = 0; d < last; d++) {
    if (view->size[d] > 1 && view->stride[d] % type->block != 0) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %s with stride[%d] %" PRId64 "; allowed: multiples of %d",
                       name, type->name, d, view->stride[d], type->block);
    }
    view->stride[d] /= type->block;
  }
  view->size[last] /= type->block;
  return RAPT_OK;
}

rapt_status rapt_check_operand(const rapt_operand *operand, const rapt_tensor *tensor, const rapt_sizes *sizes,
                               rapt_purpose purpose, rapt_view *view, rapt_error *error) {
  const char *name = operand->name;
  view->name = name;
  view->data = NULL;
  if (!rapt_is_present(tensor)) {
    if (tensor->data != NULL) return refuse_address(name, error);
    if (operand->optional) return RAPT_OK;
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is absent: its dtype is 0", name);
  }
  if (!rapt_is_dtype(tensor->dtype) || (operand->dtypes & RAPT_ONLY(tensor->dtype)) == 0) {
    return refuse_dtype(operand, tensor->dtype, error);
  }
  if (tensor->reserved != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s.reserved is %d; allowed: 0", name, tensor->reserved);
  }
  view->element_size = rapt_dtypes[tensor->dtype].bytes;
  int empty = 0;
  int32_t rank = 0;
  for (; operand->shape[rank] != 0; rank++) {
    view->size[rank] = sizes->of[operand->shape[rank] - 'A'];
    view->stride[rank] = tensor->stride[rank];
    empty |= view->size[rank] == 0;
  }
  view->rank = rank;
  if (tensor->data == NULL && purpose == RAPT_FOR_RUN && !empty) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL; allowed: the address of its first element", name);
  }
  int64_t alignment = rapt_alignment(tensor->dtype);
  // A power of two.
  if (((uintptr_t)tensor->data & (uintptr_t)(alignment - 1)) != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is at %p, which is not aligned to %" PRId64 " bytes", name,
                     tensor->data, alignment);
  }
  if (rapt_is_blocked(tensor->dtype)) RAPT_CHECK(count_blocks(name, tensor->dtype, view, error));
  view->data = tensor->data;
  if (!rapt_view_extent(view)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s has sizes and strides whose byte offsets overflow 64 bits",
                     name);
  }
  return RAPT_OK;
}

// The entries of a table whose tensors are present or required.
typedef struct operand_list {
  const rapt_operand *entries[MOST_OPERANDS];
  int32_t count;
} operand_list;

// Lists the operands to check. A tensor with an address but without a dtype is a mistake, whether or not its table
// entry counts. It is refused before the rules run, because they would take the tensor for absent.
static rapt_status list_operands(const rapt_operation *operation, const void *call, operand_list *list,
                                 rapt_error *error) {
  list->count = 0;
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    const rapt_tensor *tensor = rapt_operand_tensor(call, o);
    if (!rapt_is_present(tensor)) {
      if (tensor->data != NULL) return refuse_address(o->name, error);
      if (o->optional) continue;
    }
    list->entries[list->count++] = o;
  }
  return RAPT_OK;
}

static int counts(const rapt_operand *operand, uint32_t cases) {
  return operand->when == 0 || (operand->when & cases) != 0;
}

int rapt_operand_has_elements(const rapt_checked *checked, const void *call, const rapt_operand *operand) {
  if (!counts(operand, checked->cases) || !rapt_is_present(rapt_operand_tensor(call, operand))) return 0;
  for (const char *letter = operand->shape; *letter != 0; letter++) {
    if (checked->sizes.of[*letter - 'A'] == 0) return 0;
  }
  return 1;
}

static rapt_status check_head(const rapt_context *context, const rapt_head *head, rapt_error *error) {
  if ((uintptr_t)head->scratch % RAPT_SCRATCH_ALIGNMENT != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "scratch is at %p, which is not aligned to %d bytes", head->scratch,
                     RAPT_SCRATCH_ALIGNMENT);
  }
  RAPT_CHECK(rapt_check_size("scratch_size", head->scratch_size, 0, INT64_MAX, error));
  return head->stream == NULL ? RAPT_OK : context->device->check_stream(context, head->stream, error);
}

static rapt_status check_weights(const rapt_context *context, const rapt_operation *operation, const void *call,
                                 rapt_error *error) {
  for (const rapt_weights_operand *w = operation->weights; w != NULL && w->name != NULL; w++) {
    const rapt_linear_weights *weights;
    memcpy(&weights, (const unsigned char *)call + w->offset, sizeof weights);
    if (weights == NULL && w->optional) continue;
    if (weights == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL", w->name);
    RAPT_CHECK(context->device->check_weights(context, w->name, weights, error));
  }
  return RAPT_OK;
}

static rapt_status check_sizes(const rapt_operation *operation, const void *call, rapt_sizes *sizes,
                               rapt_error *error) {
  for (const rapt_dimension *d = operation->dimensions; d->name != NULL; d++) {
    int64_t value;
    memcpy(&value, (const unsigned char *)call + d->offset, sizeof value);
    RAPT_CHECK(rapt_check_size(d->name, value, d->least, d->most, error));
    *rapt_size(sizes, d->letter) = value;
  }
  return RAPT_OK;
}

// Whether a written operand has the same data, dtype and strides as the read operand that it may be. The stride of a
// dimension of size 1 does not matter.
static int is_in_place(const rapt_operand *operand, const void *call, const rapt_view *written) {
  if (operand->in_place == 0) return 0;
  const rapt_tensor *out = rapt_operand_tensor(call, operand);
  const rapt_tensor *in = (const rapt_tensor *)((const unsigned char *)call + operand->in_place);
  int same = in->data == out->data && in->dtype == out->dtype;
  for (int32_t d = 0; d < written->rank; d++) same &= written->size[d] == 1 || in->stride[d] == out->stride[d];
  return same;
}

// Checks that no written operand shares memory with another operand, or between two of its own elements.
static rapt_status check_overlaps(const rapt_operand *const *operands, const rapt_view *views, int32_t count,
                                  const void *call, rapt_error *error) {
  for (int32_t w = 0; w < count; w++) {
    if ((operands[w]->access & RAPT_WRITE) == 0) continue;
    // A plan without addresses checks this too: it bounds the number of elements.
    if (rapt_overlaps_itself(&views[w])) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s has strides by which its elements overlap each other",
                       views[w].name);
    }
    if (views[w].data == NULL) continue;
    int in_place = is_in_place(operands[w], call, &views[w]);
    for (int32_t o = 0; o < count; o++) {
      // A pair of written operands is compared once.
      if (o == w || views[o].data == NULL || (o > w && (operands[o]->access & RAPT_WRITE) != 0)) continue;
      if (in_place && operands[o]->offset == operands[w]->in_place) continue;
      if (rapt_overlap(&views[w], &views[o])) {
        return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s overlaps %s in memory", views[w].name, views[o].name);
      }
    }
  }
  return RAPT_OK;
}

// A stride of a dimension of size 1 may be anything, and kernels choose by strides and multiply them: the call's copy
// gets what the tensor would have without gaps, or 0 where that is large.
static void settle_strides(void *call, const rapt_operand *operand, const rapt_view *view) {
  rapt_tensor *t = (rapt_tensor *)(void *)((unsigned char *)call + operand->offset);
  int64_t inner = 1;
  for (int32_t d = view->rank - 1; d >= 0; d--) {
    if (view->size[d] == 1) t->stride[d] = inner;
    const int64_t most = INT64_C(1) << 48;
    int large = __builtin_mul_overflow(view->size[d], t->stride[d], &inner) || inner > most || inner < -most;
    if (large) inner = 0;
  }
}

static rapt_status check_operands(void *call, const operand_list *list, rapt_purpose purpose, rapt_checked *checked,
                                  rapt_error *error) {
  const rapt_operand *entries[MOST_OPERANDS];
  rapt_view views[MOST_OPERANDS];
  int32_t count = 0;
  checked->empty = 1;
  for (int32_t i = 0; i < list->count; i++) {
    const rapt_operand *o = list->entries[i];
    if (!counts(o, checked->cases)) continue;
    RAPT_CHECK(rapt_check_operand(o, rapt_operand_tensor(call, o), &checked->sizes, purpose, &views[count], error));
    settle_strides(call, o, &views[count]);
    if ((o->access & RAPT_WRITE) != 0 && !rapt_view_is_empty(&views[count])) checked->empty = 0;
    entries[count++] = o;
  }
  return check_overlaps(entries, views, count, call, error);
}

rapt_status rapt_check_call(const rapt_context *context, int32_t number, const void *call, rapt_purpose purpose,
                            void *problem, rapt_checked *checked, rapt_error *error) {
  const rapt_operation *operation = rapt_operation_of(number);
  if (operation == NULL) {
    return rapt_fail(error, RAPT_UNSUPPORTED, "operation is %d; this library has 0 to %d", number, RAPT_OPERATIONS - 1);
  }
  checked->operation = operation;
  checked->cases = 0;
  RAPT_CHECK(rapt_read_struct(call, problem, operation->struct_size, operation->struct_name, error));
  RAPT_CHECK(check_head(context, problem, error));
  operand_list list;
  RAPT_CHECK(list_operands(operation, problem, &list, error));
  RAPT_CHECK(check_weights(context, operation, problem, error));
  RAPT_CHECK(check_sizes(operation, problem, &checked->sizes, error));
  if (operation->rules != NULL) RAPT_CHECK(operation->rules(problem, &checked->sizes, &checked->cases, error));
  RAPT_CHECK(check_operands(problem, &list, purpose, checked, error));
  if (operation->derive != NULL) operation->derive(problem, &checked->sizes);
  return RAPT_OK;
}

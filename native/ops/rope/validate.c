// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "base/error.h"
#include "call/params.h"
#include "ops/rope/problem.h"
#include "call/validate.h"

static rapt_status check_rotary_dim(rapt_rope *c, rapt_error *error) {
  RAPT_CHECK(rapt_check_size("rotary_dim", c->rotary_dim, 0, c->head_dim, error));
  if (c->rotary_dim == 0) {
    if (c->head_dim % 2 != 0) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "rotary_dim is 0, which stands for head_dim, but head_dim is odd: %" PRId64, c->head_dim);
    }
    c->rotary_dim = c->head_dim;
  }
  if (c->rotary_dim % 2 == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "rotary_dim is %" PRId64 "; it must be even", c->rotary_dim);
}

static rapt_status check_options(const rapt_rope *c, rapt_error *error) {
  if ((c->flags & ~RAPT_ROPE_INTERLEAVED) != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "flags is 0x%x; known bits are 0x%x", (unsigned)c->flags,
                     (unsigned)RAPT_ROPE_INTERLEAVED);
  }
  if (c->reserved == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed is 0", c->reserved);
}

// Without a token the positions have no element, and so need no address.
static int has_table(const rapt_rope *c) {
  return c->positions.data != NULL || (c->table_length != 0 && (c->batch == 0 || c->length == 0));
}

static rapt_status check_table_length(const rapt_rope *c, rapt_error *error) {
  if (has_table(c)) return rapt_check_size("table_length", c->table_length, 1, RAPT_MAX_SIZE, error);
  if (c->table_length == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "table_length is %" PRId64 "; allowed is 0, for positions are not given", c->table_length);
}

// Whether the output is the input itself. The stride of a dimension of one element says nothing.
static int is_input(const rapt_rope *c, const int64_t size[4]) {
  int same = c->input.data == c->output.data && c->input.dtype == c->output.dtype;
  for (int d = 0; d < 4; d++) same &= size[d] == 1 || c->input.stride[d] == c->output.stride[d];
  return same;
}

static rapt_status check_tensors(const rapt_rope *c, rapt_error *error) {
  const int64_t size[] = {c->batch, c->heads, c->length, c->head_dim}, pairs = c->rotary_dim / 2;
  const int64_t tokens[] = {c->batch, c->length, pairs}, table[] = {c->table_length, pairs};
  const int64_t *angles = has_table(c) ? table : tokens;
  int32_t rank = has_table(c) ? 2 : 3;
  rapt_view read[4], written;
  RAPT_CHECK(rapt_check_tensor("cosine", &c->cosine, RAPT_ANY_FLOAT, rank, angles, &read[0], error));
  RAPT_CHECK(rapt_check_tensor("sine", &c->sine, RAPT_ANY_FLOAT, rank, angles, &read[1], error));
  RAPT_CHECK(rapt_check_optional("positions", &c->positions, RAPT_I64, 2, tokens, &read[2], error));
  RAPT_CHECK(rapt_check_tensor("input", &c->input, RAPT_ANY_FLOAT, 4, size, &read[3], error));
  RAPT_CHECK(rapt_check_tensor("output", &c->output, RAPT_ANY_FLOAT, 4, size, &written, error));
  return rapt_check_overlaps(&written, 1, read, is_input(c, size) ? 3 : 4, error);
}

rapt_status rapt_rope_validate(const rapt_rope *from, rapt_rope *call, rapt_error *error) {
  RAPT_CHECK(rapt_read_struct(from, call, sizeof *call, "rapt_rope", error));
  RAPT_CHECK(rapt_check_size("batch", call->batch, 0, RAPT_MAX_SIZE, error));
  RAPT_CHECK(rapt_check_size("heads", call->heads, 1, RAPT_MAX_FEATURES, error));
  RAPT_CHECK(rapt_check_size("length", call->length, 0, RAPT_MAX_SIZE, error));
  RAPT_CHECK(rapt_check_size("head_dim", call->head_dim, 1, RAPT_MAX_HEAD_DIM, error));
  RAPT_CHECK(check_rotary_dim(call, error));
  RAPT_CHECK(check_options(call, error));
  RAPT_CHECK(check_table_length(call, error));
  return check_tensors(call, error);
}

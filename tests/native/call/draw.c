// SPDX-License-Identifier: Apache-2.0
#include "call/draw.h"

#include <string.h>

#include "support/check.h"

static void put64(void *call, int32_t offset, int64_t value) {
  memcpy((unsigned char *)call + offset, &value, sizeof value);
}

int draw_sizes(const rapt_operation *operation, const void *call, rapt_sizes *sizes, uint32_t *cases) {
  _Alignas(64) unsigned char copy[RAPT_PROBLEM_ROOM];
  memcpy(copy, call, operation->struct_size);
  for (int i = 0; i < 26; i++) sizes->of[i] = DRAW_UNSET;
  *cases = 0;
  for (const rapt_dimension *d = operation->dimensions; d->name != NULL; d++) {
    memcpy(rapt_size(sizes, d->letter), copy + d->offset, sizeof(int64_t));
  }
  return operation->rules == NULL || operation->rules(copy, sizes, cases, NULL) == RAPT_OK;
}

// Mostly powers of two, which divide each other, and seldom none.
static int64_t draw_size(random_state *r, const rapt_dimension *d) {
  static const int64_t often[] = {1, 2, 2, 4, 4, 8, 8, 16}, seldom[] = {0, 3, 5, 17, 33, 64, 100, 257};
  int64_t size = random_percent(r, 85) ? often[random_between(r, 0, 7)] : seldom[random_between(r, 0, 7)];
  return size < d->least ? d->least : size > d->most ? d->most : size;
}

static void draw_fields(random_state *r, const rapt_operation *operation, void *call) {
  int count = 0;
  for (const rapt_field *field = operation->fields; field->name != NULL; field++) count++;
  // Flags and other small numbers, a float now and then; a table does not say how wide a field is.
  static const uint32_t values[] = {1, 2, 3, 4, 6, 7, 8, 0x3f800000, 0xffffffff, 0xbf000000};
  for (int64_t n = count > 0 ? random_between(r, 0, 3) : 0; n > 0; n--) {
    const rapt_field *field = &operation->fields[random_between(r, 0, count - 1)];
    uint32_t value = values[random_percent(r, 90) ? random_between(r, 0, 4) : random_between(r, 0, 9)];
    memcpy((unsigned char *)call + field->offset, &value, sizeof value);
  }
}

static int32_t draw_dtype(random_state *r, const rapt_operand *o) {
  int32_t dtypes[RAPT_DTYPES], count = 0;
  for (int32_t d = 1; d < RAPT_DTYPES; d++) {
    if (o->dtypes & RAPT_ONLY(d)) dtypes[count++] = d;
  }
  return random_percent(r, 1) ? (int32_t)random_between(r, 0, RAPT_DTYPES) : dtypes[random_between(r, 0, count - 1)];
}

// Dense, padded, transposed, or, of what is only read, broadcast. Elements the tensor reaches over.
static int64_t draw_strides(random_state *r, const rapt_operand *o, const rapt_sizes *sizes, rapt_tensor *t) {
  int rank = (int)strlen(o->shape), order[RAPT_MAX_RANK];
  int64_t next = random_percent(r, 10) ? 2 : 1;
  for (int d = 0; d < rank; d++) order[d] = rank - 1 - d;
  if (rank > 1 && random_percent(r, 30)) {
    int64_t a = random_between(r, 0, rank - 1), b = random_between(r, 0, rank - 1);
    int kept = order[a];
    order[a] = order[b];
    order[b] = kept;
  }
  int shared = !(o->access & RAPT_WRITE) && random_percent(r, 20);
  for (int n = 0; n < rank; n++) {
    int64_t size = sizes->of[o->shape[order[n]] - 'A'];
    t->stride[order[n]] = next;
    if (shared && random_percent(r, 50)) {
      t->stride[order[n]] = 0;
    } else {
      next = next * (size > 0 ? size : 1) + (random_percent(r, 20) ? random_between(r, 1, 5) : 0);
    }
  }
  return next;
}

static int counts(const rapt_operand *o, uint32_t cases) { return o->when == 0 || (o->when & cases) != 0; }

// Which tensors there are, and of what type: rules look at nothing else of them.
static void draw_presence(random_state *r, const rapt_operation *operation, void *call) {
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    rapt_tensor *t = (rapt_tensor *)(void *)((unsigned char *)call + o->offset);
    int wanted = o->optional ? random_percent(r, 50) : random_percent(r, o->when ? 60 : 99);
    t->dtype = wanted ? draw_dtype(r, o) : 0;
  }
}

// Samples of attention with sizes of their own: what goes with the tensors that say so. Mostly there are none.
static void draw_samples(random_state *r, rapt_sdpa *c) {
  int some = random_percent(r, 30), paged = some && c->page_table.dtype != 0;
  int32_t lengths = paged && c->key_lengths.dtype == 0 ? RAPT_I64 : c->key_lengths.dtype;
  c->key_lengths.dtype = some ? lengths : 0;
  if (!some) c->query_starts.dtype = c->page_table.dtype = 0;
  if (!some || paged) c->key_starts.dtype = 0;
  c->total_queries = c->query_starts.dtype != 0 ? c->query_len + random_between(r, 0, 9) : 0;
  c->total_keys = c->key_starts.dtype != 0 ? c->kv_len + random_between(r, 0, 9) : 0;
  c->page_size = paged ? random_between(r, 1, 9) : 0;
  c->max_pages = paged ? (c->kv_len + c->page_size - 1) / c->page_size + random_between(r, 0, 1) : 0;
  c->pages = paged ? random_between(r, 0, 9) : 0;
}

int draw_call(random_state *r, const rapt_operation *operation, const draw_source *from, void *call) {
  rapt_sizes sizes;
  uint32_t cases;
  memset(call, 0, operation->struct_size);
  put64(call, 0, (int64_t)operation->struct_size);
  for (const rapt_weights_operand *w = operation->weights; w != NULL && w->name != NULL; w++) {
    const void *weights = from->weights[random_between(r, 0, from->weights_count - 1)];
    if (!w->optional || random_percent(r, 70)) memcpy((unsigned char *)call + w->offset, &weights, sizeof weights);
  }
  // A rule that refuses some combination is given a few more.
  int good = 0;
  for (int tries = 0; tries < 48 && !good; tries++) {
    for (const rapt_dimension *d = operation->dimensions; d->name != NULL; d++) put64(call, d->offset, draw_size(r, d));
    for (const rapt_field *field = operation->fields; field->name != NULL; field++) {
      memset((unsigned char *)call + field->offset, 0, 4);
    }
    draw_fields(r, operation, call);
    draw_presence(r, operation, call);
    if (operation == rapt_operation_of(RAPT_SDPA)) draw_samples(r, call);
    good = draw_sizes(operation, call, &sizes, &cases);
  }
  int64_t at = 0;
  for (const rapt_operand *o = operation->operands; good && o->name != NULL; o++) {
    rapt_tensor *t = (rapt_tensor *)(void *)((unsigned char *)call + o->offset);
    if (t->dtype == 0 || !counts(o, cases)) continue;
    int64_t bytes = draw_strides(r, o, &sizes, t) * (rapt_is_dtype(t->dtype) ? rapt_element_size(t->dtype) : 1);
    at = (at + 63) / 64 * 64 + (random_percent(r, 30) ? 8 : 0);
    t->data = at < from->bytes ? from->memory + at : NULL;
    at += bytes;
  }
  return good && at <= from->bytes;
}

static void number_elements(const rapt_operand *o, const rapt_tensor *t, const rapt_sizes *sizes) {
  int64_t index[RAPT_MAX_RANK] = {0}, count = 1;
  int rank = (int)strlen(o->shape);
  for (int d = 0; d < rank; d++) count *= sizes->of[o->shape[d] - 'A'];
  for (int64_t n = 0; n < count; n++) {
    int64_t at = 0;
    for (int d = 0; d < rank; d++) at += sizes->of[o->shape[d] - 'A'] > 1 ? index[d] * t->stride[d] : 0;
    if (t->dtype == RAPT_I32) {
      ((int32_t *)t->data)[at] = (int32_t)n;
    } else {
      ((int64_t *)t->data)[at] = n;
    }
    for (int d = rank - 1; d >= 0 && ++index[d] == sizes->of[o->shape[d] - 'A']; d--) index[d] = 0;
  }
}

void draw_indices(const rapt_operation *operation, const void *call) {
  rapt_sizes sizes;
  uint32_t cases;
  if (!draw_sizes(operation, call, &sizes, &cases)) return;
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    const rapt_tensor *t = (const rapt_tensor *)(const void *)((const unsigned char *)call + o->offset);
    if (o->dtypes == RAPT_INDICES && (t->dtype == RAPT_I32 || t->dtype == RAPT_I64) && t->data != NULL) {
      number_elements(o, t, &sizes);
    }
  }
}

static int32_t first_dtype(const rapt_operand *o) {
  int32_t dtype = 1;
  while (!(o->dtypes & RAPT_ONLY(dtype))) dtype++;
  return dtype;
}

void draw_plain(const rapt_operation *operation, const draw_source *from, void *call) {
  rapt_sizes sizes;
  uint32_t cases;
  memset(call, 0, operation->struct_size);
  put64(call, 0, (int64_t)operation->struct_size);
  // Each size another, so that no two letters are taken for each other.
  int64_t next = 2, at = 0;
  for (const rapt_dimension *d = operation->dimensions; d->name != NULL; d++) put64(call, d->offset, next++);
  if (!draw_sizes(operation, call, &sizes, &cases)) check_abort("%s takes no plain call", operation->word);
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    if (!counts(o, cases)) continue;
    rapt_tensor *t = (rapt_tensor *)(void *)((unsigned char *)call + o->offset);
    int64_t count = 1;
    for (int d = (int)strlen(o->shape) - 1; d >= 0; d--) {
      t->stride[d] = count;
      count *= sizes.of[o->shape[d] - 'A'];
    }
    t->dtype = first_dtype(o);
    t->data = from->memory + at;
    at = (at + count * rapt_element_size(t->dtype) + 63) / 64 * 64;
    if (at > from->bytes) check_abort("the plain call of %s takes more memory than there is", operation->word);
  }
}

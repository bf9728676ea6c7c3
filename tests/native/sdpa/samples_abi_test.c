// SPDX-License-Identifier: Apache-2.0
// Batches of samples broken in one place each: an error that names index and value, and nothing written. And what a
// flag for the bottom right means without such a batch.
#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"

// Three samples of at most 4 queries and 6 keys, two heads of 8 elements.
enum { BATCH = 3, HEADS = 2, QUERIES = 4, KEYS = 6, DIM = 8, TOKENS = 10, PAGES = 5, PAGE = 2, TABLE = 3 };
enum { ROWS = 64, UNWRITTEN = 7 };

static float query[HEADS * ROWS * DIM], key[HEADS * ROWS * DIM], output[HEADS * ROWS * DIM];
static int32_t query_starts[BATCH + 1], key_starts[BATCH + 1], positions[BATCH], table[BATCH * TABLE];
static int64_t lengths[BATCH];

static rapt_tensor rows_of(float *data, int64_t rows) {
  return (rapt_tensor){.data = data, .stride = {HEADS * rows * DIM, rows * DIM, DIM, 1}, .dtype = RAPT_F32};
}

static rapt_tensor numbers(void *data, int32_t dtype, int64_t stride) {
  return (rapt_tensor){.data = data, .stride = {stride, 1}, .dtype = dtype};
}

static rapt_sdpa dense(void) {
  return (rapt_sdpa){.head = {.struct_size = sizeof(rapt_sdpa)},
                     .query = rows_of(query, QUERIES),
                     .key = rows_of(key, KEYS),
                     .value = rows_of(key, KEYS),
                     .output = rows_of(output, QUERIES),
                     .batch = BATCH,
                     .query_heads = HEADS,
                     .kv_heads = HEADS,
                     .query_len = QUERIES,
                     .kv_len = KEYS,
                     .head_dim = DIM,
                     .value_dim = DIM};
}

static rapt_sdpa ragged(void) {
  static const int32_t starts[BATCH + 1] = {0, 4, 4, 7};
  memcpy(query_starts, starts, sizeof starts);
  memcpy(key_starts, starts, sizeof starts);
  rapt_sdpa c = dense();
  c.query = rows_of(query, TOKENS);
  c.output = rows_of(output, TOKENS);
  c.key = c.value = rows_of(key, TOKENS);
  c.query_starts = numbers(query_starts, RAPT_I32, 1);
  c.key_starts = numbers(key_starts, RAPT_I32, 1);
  c.total_queries = c.total_keys = TOKENS;
  return c;
}

static rapt_sdpa paged(void) {
  static const int32_t pages[BATCH * TABLE] = {4, 0, 1, 2, -9, 99, 3, 3, -1};
  static const int64_t keys[BATCH] = {6, 1, 4};
  memcpy(table, pages, sizeof pages);
  memcpy(lengths, keys, sizeof keys);
  rapt_sdpa c = dense();
  c.key = c.value = rows_of(key, PAGE);
  c.key_lengths = numbers(lengths, RAPT_I64, 1);
  c.page_table = numbers(table, RAPT_I32, TABLE);
  c.pages = PAGES;
  c.page_size = PAGE;
  c.max_pages = TABLE;
  return c;
}

static void refuse(rapt_context *context, const rapt_sdpa *call, const char *sentence) {
  rapt_error error = {.struct_size = sizeof error};
  check_set_case("%s", sentence);
  for (size_t i = 0; i < sizeof output / sizeof *output; i++) output[i] = UNWRITTEN;
  rapt_status status = rapt_sdpa_run(context, call, &error);
  CHECK(status == RAPT_INVALID_ARGUMENT, "status %d", status);
  CHECK(strstr(error.message, sentence) != NULL, "it says: %s", error.message);
  for (size_t i = 0; i < sizeof output / sizeof *output; i++) {
    if (output[i] == UNWRITTEN) continue;
    CHECK(0, "element %zu was written", i);
    break;
  }
}

#define REFUSE(make, change, sentence) \
  do {                                 \
    rapt_sdpa c = make();              \
    change;                            \
    refuse(context, &c, sentence);     \
  } while (0)

static void accept(rapt_context *context, rapt_sdpa call, const char *what) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  check_set_case("%s", what);
  CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "%s", error.message);
  // A plan reads no tensor.
  rapt_tensor *const indices[] = {&call.query_starts, &call.key_starts, &call.key_lengths, &call.page_table};
  for (int i = 0; i < 4; i++) indices[i]->data = NULL;
  CHECK(rapt_sdpa_plan(context, &call, &plan, &error) == RAPT_OK && plan.supported, "%s", error.message);
  CHECK(!strncmp(plan.name, "sdpa_mixed_f32_", 15), "it is %s", plan.name);
  CHECK((strstr(plan.name, "_paged") != NULL) == (call.page_table.dtype != 0), "it is %s", plan.name);
}

static void test_refused(rapt_context *context) {
  REFUSE(ragged, query_starts[2] = 3, "query_starts(2) is 3; allowed: 4 to 10");
  REFUSE(ragged, query_starts[0] = -1, "query_starts(0) is -1; allowed: 0 to 10");
  REFUSE(ragged, query_starts[3] = 11, "query_starts(3) is 11; allowed: 4 to 10");
  REFUSE(ragged, query_starts[3] = 9, "query_starts(3) is 9, 5 behind the one before it; allowed: 0 to query_len, 4");
  REFUSE(ragged, key_starts[1] = INT32_MIN, "key_starts(1) is -2147483648; allowed: 0 to 10");
  REFUSE(ragged, (key_starts[1] = 0, key_starts[2] = 7), "key_starts(2) is 7, 7 behind the one before it");
  REFUSE(ragged, (c.key_lengths = numbers(lengths, RAPT_I64, 1), lengths[0] = 4, lengths[1] = 1),
         "key_lengths(1) is 1; allowed: 0 to 0");
  REFUSE(paged, lengths[2] = 7, "key_lengths(2) is 7; allowed: 0 to 6");
  REFUSE(paged, lengths[0] = -1, "key_lengths(0) is -1; allowed: 0 to 6");
  REFUSE(paged, table[1] = PAGES, "page_table(0, 1) is 5; allowed: 0 to 4");
  REFUSE(paged, table[3] = -1, "page_table(1, 0) is -1; allowed: 0 to 4");
  REFUSE(paged, lengths[1] = 3, "page_table(1, 1) is -9; allowed: 0 to 4");
  REFUSE(paged, c.pages = 0, "key_lengths(0) is 6; allowed: 0 to 0");

  REFUSE(ragged, c.query_len = 11, "query_len is 11; allowed: 0 to total_queries, 10");
  REFUSE(ragged, c.kv_len = 11, "kv_len is 11; allowed: 0 to total_keys, 10");
  REFUSE(ragged, c.total_keys = -1, "total_keys is -1");
  REFUSE(dense, c.total_queries = 4, "total_queries is 4; allowed: 0, for query_starts is not given");
  REFUSE(dense, c.total_keys = 4, "total_keys is 4; allowed: 0, for key_starts is not given");
  REFUSE(dense, c.page_size = 4, "page_size is 4; allowed: 0, for page_table is not given");
  REFUSE(paged, c.page_size = 0, "page_size is 0; allowed: 1 to");
  REFUSE(paged, c.kv_len = 7, "kv_len is 7; allowed: 0 to max_pages * page_size, 6");
  REFUSE(paged, c.key_lengths.dtype = 0; c.key_lengths.data = NULL, "key_lengths is absent; page_table needs it");
  REFUSE(paged, (c.key_starts = numbers(key_starts, RAPT_I32, 1), c.total_keys = TOKENS), "give one of them");
  REFUSE(paged, c.page_table.dtype = RAPT_F32, "page_table has dtype 1");
  REFUSE(ragged, c.output.data = query_starts, "output overlaps query_starts in memory");

  REFUSE(dense, (c.options.flags = RAPT_BOTTOM_RIGHT, c.options.position = 1), "options.position is not 0");
  REFUSE(dense, (c.options.flags = RAPT_BOTTOM_RIGHT, c.positions = numbers(positions, RAPT_I32, 1)),
         "positions are given");
  REFUSE(dense, c.options.flags = 16, "options.flags is 0x10");
}

static void test_accepted(rapt_context *context) {
  accept(context, ragged(), "ragged");
  accept(context, paged(), "paged");
  rapt_sdpa c = paged();
  c.pages = 0;
  c.key.data = c.value.data = NULL;
  memset(lengths, 0, sizeof lengths);
  accept(context, c, "no pages");
  c = ragged();
  memset(query_starts, 0, sizeof query_starts);
  accept(context, c, "no queries");
  c = ragged();
  c.batch = 0;
  accept(context, c, "no samples");
}

// Where all samples are of one size, the bottom right is a position like any other.
static void test_bottom_right(rapt_context *context) {
  float expected[BATCH * HEADS * QUERIES * DIM];
  rapt_error error = {.struct_size = sizeof error};
  rapt_sdpa c = dense();
  c.options.flags = RAPT_CAUSAL;
  c.options.position = KEYS - QUERIES;
  CHECK(rapt_sdpa_run(context, &c, &error) == RAPT_OK, "%s", error.message);
  memcpy(expected, output, sizeof expected);
  c.options.flags = RAPT_CAUSAL | RAPT_BOTTOM_RIGHT;
  c.options.position = 0;
  CHECK(rapt_sdpa_run(context, &c, &error) == RAPT_OK, "%s", error.message);
  CHECK(!memcmp(expected, output, sizeof expected), "other bits than with the position");
  c.options.flags = RAPT_CAUSAL;
  CHECK(rapt_sdpa_run(context, &c, &error) == RAPT_OK, "%s", error.message);
  CHECK(memcmp(expected, output, sizeof expected) != 0, "the position does nothing");
}

int main(void) {
  check_start();
  for (size_t i = 0; i < sizeof query / sizeof *query; i++) {
    query[i] = (float)(i * 37 % 101) / 50 - 1;
    key[i] = (float)(i * 53 % 97) / 50 - 1;
  }
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  for (int t = 0; t < count; t++) {
    rapt_context *context = context_of(tiers[t], 2);
    test_refused(context);
    test_accepted(context);
    test_bottom_right(context);
    rapt_context_destroy(context);
  }
  return check_finish("samples_abi_test");
}

// SPDX-License-Identifier: Apache-2.0
#include "cpu/append/slots.h"

#include <inttypes.h>
#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"

// Slots that are looked at in one pass over the tokens, a bit each: 16 KiB of the stack.
#define WINDOW ((int64_t)1 << 17)
#define WORD 64

static int64_t slot_of(const rapt_append *c, int64_t token) {
  return rapt_index_at(&c->slots, token / c->length, token % c->length);
}

static rapt_status refuse_repeated(const rapt_append *c, int64_t slot, rapt_error *error) {
  int64_t tokens[2] = {0, 0}, found = 0;
  for (int64_t t = 0; t < c->batch * c->length && found < 2; t++) {
    if (slot_of(c, t) == slot) tokens[found++] = t;
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "slots(%" PRId64 ", %" PRId64 ") and slots(%" PRId64 ", %" PRId64 ") are both %" PRId64
                   "; allowed: a slot once",
                   tokens[0] / c->length, tokens[0] % c->length, tokens[1] / c->length, tokens[1] % c->length, slot);
}

// Looks for a slot that two tokens have, among those from `first` on that the window covers.
static rapt_status check_window(const rapt_append *c, int64_t first, rapt_error *error) {
  uint64_t taken[WINDOW / WORD];
  memset(taken, 0, sizeof taken);
  for (int64_t t = 0; t < c->batch * c->length; t++) {
    int64_t slot = slot_of(c, t), at = slot - first;
    if (slot < 0 || at < 0 || at >= WINDOW) continue;
    uint64_t bit = (uint64_t)1 << (at % WORD);
    if ((taken[at / WORD] & bit) != 0) return refuse_repeated(c, slot, error);
    taken[at / WORD] |= bit;
  }
  return RAPT_OK;
}

// The same by comparing all pairs, which is quicker for few tokens of a large cache.
static rapt_status check_pairs(const rapt_append *c, rapt_error *error) {
  int64_t tokens = c->batch * c->length;
  for (int64_t t = 1; t < tokens; t++) {
    int64_t slot = slot_of(c, t);
    for (int64_t u = 0; slot >= 0 && u < t; u++) {
      if (slot_of(c, u) == slot) return refuse_repeated(c, slot, error);
    }
  }
  return RAPT_OK;
}

rapt_status rapt_slots_check(const rapt_append *c, rapt_error *error) {
  // In a written operand each slot has an address of its own, so that this cannot overflow.
  int64_t slots = c->pages * c->page_size, tokens = c->batch * c->length, lowest = slots, highest = -1;
  for (int64_t t = 0; t < tokens; t++) {
    int64_t slot = slot_of(c, t);
    if (slot < RAPT_NO_SLOT || slot >= slots) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "slots(%" PRId64 ", %" PRId64 ") is %" PRId64 "; allowed: -1 to %" PRId64, t / c->length,
                       t % c->length, slot, slots - 1);
    }
    if (slot == RAPT_NO_SLOT) continue;
    lowest = rapt_min(lowest, slot);
    highest = rapt_max(highest, slot);
  }
  if (highest < lowest) return RAPT_OK;
  int64_t windows = rapt_ceil_div(highest + 1 - lowest, WINDOW);
  // A window costs about as much as two thousand comparisons, and one for each token.
  if (tokens / 2 <= windows * (1 + 2048 / tokens)) return check_pairs(c, error);
  for (int64_t first = lowest; first <= highest; first += WINDOW) RAPT_CHECK(check_window(c, first, error));
  return RAPT_OK;
}

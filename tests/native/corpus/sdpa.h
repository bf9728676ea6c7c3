// SPDX-License-Identifier: Apache-2.0
// What sdpa.c draws and sdpa_fill.c fills in.
#ifndef RAPT_TESTS_CORPUS_SDPA_H
#define RAPT_TESTS_CORPUS_SDPA_H

#include "problems.h"

enum view {
  VIEW_NONE,
  // query, key and value are heads of one array.
  VIEW_PACKED,
  // value is the head of each key row.
  VIEW_VALUE_IN_KEY
};

enum fill {
  FILL_UNIFORM,
  // Logits far apart.
  FILL_PEAKED,
  // Every logit far below zero.
  FILL_VERY_NEGATIVE,
  FILL_CONSTANT,
  // Around the smallest normal numbers, and below them.
  FILL_TINY,
  FILL_SPIKES,
  // Logits rise along the keys: the running maximum moves with every tile.
  FILL_RISING,
  // Scores overflow.
  FILL_HUGE,
  // Keys, values and scales that no query of the group sees hold NaN and infinities.
  FILL_POISON_UNSEEN,
  // So do some that may be seen.
  FILL_POISON_SOME,
  FILLS
};

// Contents of query, key, value and scales; the arrays around the scores must be there.
void sdpa_fill(random_state *r, sdpa_problem *p);

#endif

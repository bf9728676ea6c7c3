// SPDX-License-Identifier: Apache-2.0
// The committed results: a line per problem, with a hash for each tier.
#ifndef RAPT_TESTS_CORPUS_HASHES_H
#define RAPT_TESTS_CORPUS_HASHES_H

#include <stdint.h>

enum { PROBLEMS = 5400, TIERS = 4 };

typedef struct hashes {
  // Of RAPT_ISA_PORTABLE + tier; the upper half is dropped, which leaves one error in 2^32 unseen.
  uint32_t of[PROBLEMS][TIERS];
} hashes;

// End the test where the file cannot be read, is not whole, or cannot be written.
void hashes_read(const char *path, hashes *h);
void hashes_write(const char *path, const char *commit, const hashes *h);

// What kind of problem a number is.
const char *operation_name(int number);

#endif

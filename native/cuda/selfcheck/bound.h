// SPDX-License-Identifier: Apache-2.0
// How far a result may be from the exact one: the one place of C that says so; docs/accuracy.md derives it. It follows
// from the inputs alone: no run of f32 arithmetic is a yardstick, since it may be exact by luck.
//
// A sum of n terms makes about n roundings of at most 2^-24 of what has been added up. They point up and down at
// random, so that sqrt(n) of them stand for all; but terms that are equal, or nearly, are rounded alike, and then all
// of them point the same way.
#ifndef RAPT_CUDA_SELFCHECK_BOUND_H
#define RAPT_CUDA_SELFCHECK_BOUND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// How many terms are rounded like a term, itself among them; the mean over the terms, or over their squares where that
// is more. Groups of terms alike make the error of a sum grow with the root of this. Leaves the terms' magnitudes, in
// order.
double bound_repeats(double *terms, int64_t count);

// How many additions of such a sum may round by as much as its last place: a term that is smaller than that is lost, at
// most, and bound_sum counts that by itself.
double bound_roundings(const double *terms, int64_t count);

// Of a sum of these terms, themselves rounded products; repeats as above. `rescaled`: how many times more the sum is
// rounded by being multiplied, as an online softmax does with what it has when a higher score comes.
double bound_sum(const double *terms, int64_t count, double repeats, double rescaled);

// One score, at a stage before the softmax.
typedef struct bound_terms {
  // Of the dot product, before the scale.
  double product;
  // The scale's magnitude.
  double scale;
  // The score, and what bias and ALiBi add to it, in magnitude.
  double score, added;
  // A softcap bent the score.
  int capped;
} bound_terms;

double bound_score(const bound_terms *terms);

// Of an exponential's argument: the score's error, and the score's distance to the highest one.
double bound_argument(double score_error, double distance);

// The softmax of one query over the keys that it sees.
typedef struct bound_softmax {
  int64_t keys;
  // bound_repeats of the weights.
  double repeats;
  // Per key: its weight, and how much the weight may change with the error of its argument; where the query has an
  // error of its own, which moves all scores together, also the change by that (else NULL).
  const double *weight, *change, *shared;
  // Of the sum of the weights, as a share of it: bound_sum of them; and bound_roundings of them.
  double sum, roundings;
  // The sink's weight and its change; 0 without a sink.
  double sink, sink_change;
  // What a matrix unit rounds the weights to before they meet the values: half a unit in the last place of 1, or 0; and
  // bound_alike of it.
  double operand, alike;
} bound_softmax;

// The share of these roundings that may point the same way. Weights that lie closer together than the type's numbers
// are rounded alike, though they differ; weights spread over many of its numbers are not, but for a rest.
double bound_alike(const double *weight, int64_t keys, double operand);

// How much a weight changes with its argument: weight times the exponential of the error, less 1.
double bound_change(double weight, double argument_error);

// How much the sum of the weights may be off, as a share of it.
double bound_total(const bound_softmax *softmax);

// Of one element of the output. Per key: its value, its value times its weight, and the value's own error (NULL: none).
// repeats: bound_repeats of the values.
typedef struct bound_column {
  const double *value, *product, *error;
  double repeats;
  double output;
} bound_column;

double bound_output(const bound_softmax *softmax, const bound_column *column);

// Of the log-sum-exp; highest is the highest score, total is bound_total's.
double bound_lse(double lse, double highest, double total);

// Of the weight of key j.
double bound_weight(const bound_softmax *softmax, int64_t j, double total);

#ifdef __cplusplus
}
#endif

#endif

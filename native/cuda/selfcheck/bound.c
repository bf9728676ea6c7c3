// SPDX-License-Identifier: Apache-2.0
#include "cuda/selfcheck/bound.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

// The largest error of rounding to f32, relative to the result.
#define UNIT 0x1p-24
// Below the smallest normal number roundings are absolute.
#define SMALLEST ((double)FLT_MIN)
// Sums over keys start anew after so many.
#define STRETCH 4096

static double square(double x) { return x * x; }

static int is_behind(double a, double b) { return a > b || isnan(a); }

// The terms' sizes in order, NaN last. By Shell's sort: qsort would call a function for each pair.
static void sort_sizes(double *terms, int64_t count) {
  for (int64_t i = 0; i < count; i++) terms[i] = fabs(terms[i]);
  int64_t gap = 1;
  while (gap < count / 3) gap = 3 * gap + 1;
  for (; gap > 0; gap /= 3) {
    for (int64_t i = gap; i < count; i++) {
      double size = terms[i];
      int64_t at = i;
      for (; at >= gap && is_behind(terms[at - gap], size); at -= gap) terms[at] = terms[at - gap];
      terms[at] = size;
    }
  }
}

double bound_repeats(double *terms, int64_t count) {
  // As close as this, terms are much the same against the last place of a sum of all.
  const double near = 1 + UNIT / 4 * (double)(count < STRETCH ? count : STRETCH);
  double all = 0, sizes = 0, all_sizes = 0;
  int64_t first = 0, last = 0;
  sort_sizes(terms, count);
  for (int64_t i = 0; i < count; i++) {
    double size = terms[i];
    while (terms[first] * near < size) first++;
    while (last < count && terms[last] <= size * near) last++;
    double alike = size > 0 && last > first ? (double)(last - first) : 1;
    all += alike;
    sizes += square(size);
    all_sizes += square(size) * alike;
  }
  double mean = count > 0 ? all / (double)count : 1;
  return sizes > 0 && all_sizes / sizes > mean ? all_sizes / sizes : mean;
}

// b where a is NaN. Unlike fmin and fmax they are an instruction each.
static double lesser(double a, double b) { return a < b ? a : b; }
static double greater(double a, double b) { return a > b ? a : b; }

// bound_roundings of terms of this size in sum.
static double roundings_of(const double *terms, int64_t count, double size) {
  double roundings = 0;
  for (int64_t i = 0; i < count; i++) {
    double twice = 2 * fabs(terms[i]);
    roundings += twice < UNIT * size ? twice / (UNIT * size) : 1;
  }
  return size > 0 ? roundings : (double)count;
}

double bound_roundings(const double *terms, int64_t count) {
  double size = 0;
  for (int64_t i = 0; i < count; i++) size += fabs(terms[i]);
  return roundings_of(terms, count, size);
}

double bound_sum(const double *terms, int64_t count, double repeats, double rescaled) {
  double size = 0, small = 0, sum = 0, largest = 0, least = INFINITY, roundings = (double)count;
  for (int64_t i = 0; i < count; i++) {
    size += fabs(terms[i]);
    sum += terms[i];
    largest = greater(fabs(sum), largest);
    least = lesser(fabs(terms[i]), least);
  }
  // What is added to something so much larger is rounded alike, or lost, time and again. Most sums have no such term.
  if (least < 16 * UNIT * size) {
    for (int64_t i = 0; i < count; i++) {
      if (fabs(terms[i]) < 16 * UNIT * size) small += lesser(fabs(terms[i]), UNIT * size);
    }
    roundings = roundings_of(terms, count, size);
  }
  double steps = fmin(roundings + rescaled, (double)(count < STRETCH ? count : STRETCH));
  double partial = fmin(size, 2 * largest + size / 4);
  return UNIT * (2 * sqrt(steps * fmin(repeats, steps)) * partial + 4 * size) + small + (double)count * UNIT * SMALLEST;
}

double bound_score(const bound_terms *t) {
  return t->scale * t->product + UNIT * ((t->capped ? 6 : 2) * fabs(t->score) + 4 * t->added + SMALLEST);
}

double bound_argument(double score_error, double distance) { return score_error + 4 * UNIT * (distance + 1); }

double bound_change(double weight, double argument_error) { return weight * expm1(argument_error); }

double bound_alike(const double *weight, int64_t keys, double operand) {
  if (operand == 0) return 0;
  double sum = 0, mean = 0, spread = 0;
  for (int64_t j = 0; j < keys; j++) {
    if (weight[j] <= 0) continue;
    sum += weight[j];
    mean += weight[j] * log(weight[j]);
  }
  for (int64_t j = 0; j < keys; j++) {
    if (weight[j] > 0) spread += weight[j] * fabs(log(weight[j]) - mean / sum);
  }
  return operand * sum < spread ? operand * sum / spread : 1;
}

double bound_total(const bound_softmax *s) {
  double squares = square(s->sink_change), shared = 0;
  for (int64_t j = 0; j < s->keys; j++) {
    squares += square(s->change[j]);
    if (s->shared != NULL) shared += s->shared[j];
  }
  return sqrt(s->repeats * squares + square(shared) + square(s->sum));
}

double bound_output(const bound_softmax *s, const bound_column *c) {
  double squares = square(s->sink_change * c->output), shared = 0, widest = s->sink > 0 ? fabs(c->output) : 0;
  double handed_on = 0, products = 0, sizes = 0, denormal = 0;
  for (int64_t j = 0; j < s->keys; j++) {
    double distance = fabs(c->value[j] - c->output);
    squares += square(s->change[j] * distance);
    if (s->shared != NULL) shared += s->shared[j] * distance;
    if (c->error != NULL) handed_on += square(s->weight[j] * c->error[j]);
    widest = greater(distance, widest);
    products += square(c->product[j]);
    sizes += fabs(c->product[j]);
    denormal += SMALLEST * fabs(c->value[j]);
  }
  // However wrong the weights are, the output stays among the values.
  double scores = fmin(sqrt(s->repeats * squares + square(shared)), widest);
  double sum = bound_sum(c->product, s->keys, c->repeats < s->repeats ? c->repeats : s->repeats, s->roundings);
  double total = s->sum * fabs(c->output);
  // Twice the root, because there are few terms, and a matrix of results has some far out; at most all the same way.
  double operands = fmin(2 * sqrt(s->repeats * products) + s->alike * sizes, sizes) * s->operand;
  return sqrt(square(scores) + square(sum) + square(total) + handed_on + square(operands)) + denormal;
}

double bound_lse(double lse, double highest, double total) { return total + 2 * UNIT * (fabs(lse) + fabs(highest)); }

double bound_weight(const bound_softmax *s, int64_t j, double total) {
  double own = s->change[j] + (s->shared != NULL ? s->shared[j] : 0);
  return own + s->weight[j] * total + SMALLEST;
}

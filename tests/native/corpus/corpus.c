// SPDX-License-Identifier: Apache-2.0
// 5,400 seeded problems of every operation, option, type and tier, and the hashes of their results. It cannot tell
// right from wrong, as the other tests do; it tells whether results are bit by bit what they were. The Java tests
// (dev.rapt.corpus) run the same problems through the Java API, and compare with the same hashes.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xmmintrin.h>

#include "calls.h"
#include "hashes.h"
#include "send.h"
#include "support/check.h"
#include "support/contexts.h"

// One of all operations; a problem's memory is the next one's.
static sdpa_problem sdpa;
static mha_problem mha;
static linear_problem linear;
static rope_problem rope;
static gelu_problem gelu;
static norm_problem norm;

static void build_sdpa(random_state *r) { sdpa_build(r, &sdpa); }
static void build_mha(random_state *r) { mha_build(r, &mha); }
static void build_linear(random_state *r) { linear_build(r, &linear); }
static void build_rope(random_state *r) { rope_build(r, &rope); }
static void build_gelu(random_state *r) { gelu_build(r, &gelu); }
static void build_norm(random_state *r) { norm_build(r, &norm); }

static uint64_t run_sdpa(rapt_context *context) {
  sdpa_reset(&sdpa);
  sdpa_call(context, &sdpa);
  return sdpa_hash(&sdpa);
}
static uint64_t run_mha(rapt_context *context) {
  mha_reset(&mha);
  mha_call(context, &mha);
  return mha_hash(&mha);
}
static uint64_t run_linear(rapt_context *context) {
  linear_reset(&linear);
  linear_call(context, &linear);
  return linear_hash(&linear);
}
static uint64_t run_rope(rapt_context *context) {
  rope_reset(&rope);
  rope_call(context, &rope);
  return rope_hash(&rope);
}
static uint64_t run_gelu(rapt_context *context) {
  gelu_reset(&gelu);
  gelu_call(context, &gelu);
  return gelu_hash(&gelu);
}
static uint64_t run_norm(rapt_context *context) {
  norm_reset(&norm);
  norm_call(context, &norm);
  return norm_hash(&norm);
}

static void print_sdpa(void) { sdpa_print(stdout, &sdpa); }
static void print_mha(void) { mha_print(stdout, &mha); }
static void print_linear(void) { linear_print(stdout, &linear); }
static void print_rope(void) { rope_print(stdout, &rope); }
static void print_gelu(void) { gelu_print(stdout, &gelu); }
static void print_norm(void) { norm_print(stdout, &norm); }

static void send_sdpa(void) { sdpa_send(stdout, &sdpa); }
static void send_mha(void) { mha_send(stdout, &mha); }
static void send_linear(void) { linear_send(stdout, &linear); }
static void send_rope(void) { rope_send(stdout, &rope); }
static void send_gelu(void) { gelu_send(stdout, &gelu); }
static void send_norm(void) { norm_send(stdout, &norm); }

typedef struct operation {
  const char *name;
  // Of fifty problems in a row.
  int share;
  void (*build)(random_state *r);
  uint64_t (*run)(rapt_context *context);
  void (*print)(void);
  void (*send)(void);
} operation;

static const operation operations[] = {
    {"sdpa", 32, build_sdpa, run_sdpa, print_sdpa, send_sdpa},
    {"mha", 5, build_mha, run_mha, print_mha, send_mha},
    {"linear", 6, build_linear, run_linear, print_linear, send_linear},
    {"rope", 7, build_rope, run_rope, print_rope, send_rope},
};

// Of later problems: the first ones stay what they were, and so do their hashes.
static const operation later_operations[] = {
    {"gelu", 20, build_gelu, run_gelu, print_gelu, send_gelu},
    {"norm", 30, build_norm, run_norm, print_norm, send_norm},
};

enum { FIRST_LATER = 5000 };

static const operation *operation_of(int number) {
  const operation *o = number < FIRST_LATER ? operations : later_operations;
  for (int at = number % 50; at >= o->share; o++) at -= o->share;
  return o;
}

const char *operation_name(int number) { return operation_of(number)->name; }

// Which tiers and problems, and what to do with them.
typedef struct request {
  const char *write, *check, *commit;
  int from, to, step, print, send;
  // The floating-point environment around each problem.
  unsigned environment;
} request;

typedef struct tally {
  long problems, threaded, differing;
  double seconds;
} tally;

enum { THREADED = 8, SHOWN = 10 };

// Bits of MXCSR: all but the flags; and what --environment sets: flush-to-zero, rounding up, denormals-are-zero, and
// every exception traps.
enum { ENVIRONMENT_CONTROL = 0xffc0, ENVIRONMENT_HOSTILE = 0xc040, ENVIRONMENT_DEFAULT = 0x1f80 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void report(const char *what, int number, const tier *on, uint32_t expected, uint32_t got) {
  static int shown;
  if (shown++ >= SHOWN) return;
  printf("%s: expected %08" PRIx32 ", got %08" PRIx32 ": corpus --only %d --tier %s --print\n", what, expected, got,
         number, rapt_isa_name(on->isa));
}

// Runs a problem in an environment that a caller may have set, which must be the same after it.
static uint32_t run_in(const operation *o, rapt_context *context, unsigned environment) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(environment);
  uint32_t hash = (uint32_t)o->run(context);
  unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK((after & ENVIRONMENT_CONTROL) == (environment & ENVIRONMENT_CONTROL), "MXCSR is %x; it was %x", after,
        environment);
  return hash;
}

// One problem on one tier; expected is NULL where there is nothing to compare with.
static uint32_t run_problem(int number, const tier *on, unsigned environment, const uint32_t *expected, tally *t) {
  const operation *o = operation_of(number);
  double start = now();
  check_set_case("corpus --only %d --tier %s --print", number, rapt_isa_name(on->isa));
  uint32_t got = run_in(o, on->context[0], environment);
  int differs = expected != NULL && *expected != got;
  if (differs) report("not as before", number, on, *expected, got);
  if (number % THREADED == 0) {
    uint32_t threaded = run_in(o, on->context[1], environment);
    if (threaded != got) report("not the same with more threads", number, on, got, threaded);
    differs |= threaded != got;
    t->threaded++;
  }
  t->problems++;
  t->differing += differs;
  t->seconds += now() - start;
  return got;
}

static const operation *build(int number) {
  random_state r = {(uint64_t)number * UINT64_C(0x2545f4914f6cdd1d) + 1};
  const operation *o = operation_of(number);
  check_set_case("corpus --only %d --print", number);
  o->build(&r);
  return o;
}

static void send_all(const request *q) {
  for (int n = q->from; n <= q->to; n += q->step) {
    const operation *o = build(n);
    printf("%d %s", n, o->name);
    o->print();
    printf("\n");
    o->send();
  }
}

static long run_all(const request *q, hashes *h) {
  int count;
  // A context's workers have the environment of the thread that makes it.
  unsigned before = _mm_getcsr();
  _mm_setcsr(q->environment);
  const tier *tiers = test_tiers(1, &count);
  _mm_setcsr(before);
  tally of[MAX_TIERS] = {{0}};
  if (count == 0 || q->from > q->to) check_abort("there is nothing to run: no such tier here, or no such problems");
  for (int n = q->from; n <= q->to; n += q->step) {
    const operation *o = build(n);
    if (q->print) printf("%d %s", n, o->name);
    if (q->print) o->print();
    for (int t = 0; t < count; t++) {
      uint32_t *at = &h->of[n][tiers[t].isa - RAPT_ISA_PORTABLE];
      uint32_t got = run_problem(n, &tiers[t], q->environment, q->check != NULL ? at : NULL, &of[t]);
      if (q->print) printf(" %s:%08" PRIx32, rapt_isa_name(tiers[t].isa), got);
      if (q->check == NULL) *at = got;
    }
    if (q->print) printf("\n");
  }
  long differing = 0;
  for (int t = 0; t < count; t++) {
    printf("%s: %ld problems, %ld of them with 3 threads too, %ld differ, %.1f s\n", rapt_isa_name(tiers[t].isa),
           of[t].problems, of[t].threaded, of[t].differing, of[t].seconds);
    differing += of[t].differing;
  }
  return differing;
}

static _Noreturn void usage(void) {
  fprintf(
      stderr,
      "usage: corpus [--check FILE | --write FILE --commit ID] [--only N | --from N --to N] [--tier NAME] [--print]\n"
      "              [--environment]\n"
      "       corpus --send [--only N | --from N --to N]\n"
      "--check compares results with FILE, --write makes it, --print shows what the problems are and their hashes;\n"
      "--environment makes the calls with traps, another rounding and flushed denormals set;\n"
      "--send runs none, but writes them to standard output, as send.h says.\n");
  exit(2);
}

static int number_of(const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || n < 0 || n >= PROBLEMS) {
    check_abort("%s is no problem; there are 0 to %d", text, PROBLEMS - 1);
  }
  return (int)n;
}

static request parse(int argc, char **argv) {
  request q = {.to = PROBLEMS - 1, .step = 1, .environment = ENVIRONMENT_DEFAULT};
  int all = 1;
  for (int i = 1; i < argc; i++) {
    const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!strcmp(option, "--print")) {
      q.print = 1;
      continue;
    }
    if (!strcmp(option, "--environment")) {
      q.environment = ENVIRONMENT_HOSTILE;
      continue;
    }
    if (!strcmp(option, "--send")) {
      q.send = 1;
      continue;
    }
    if (value == NULL) usage();
    i++;
    if (!strcmp(option, "--write")) {
      q.write = value;
    } else if (!strcmp(option, "--check")) {
      q.check = value;
    } else if (!strcmp(option, "--commit")) {
      q.commit = value;
    } else if (!strcmp(option, "--only")) {
      q.from = q.to = number_of(value), all = 0;
    } else if (!strcmp(option, "--from")) {
      q.from = number_of(value), all = 0;
    } else if (!strcmp(option, "--to")) {
      q.to = number_of(value), all = 0;
    } else if (strcmp(option, "--tier") || !test_only_tier(value)) {
      usage();
    }
  }
  if ((q.write != NULL && (q.check != NULL || q.commit == NULL || !all)) ||
      (q.write == NULL && q.check == NULL && !q.print && !q.send) ||
      (q.send && (q.write != NULL || q.check != NULL || q.print))) {
    usage();
  }
  // Sanitizers take their time; no divisor of 50 or of every how many have threads.
  if (TEST_REDUCED && all && q.write == NULL) q.step = 9;
  return q;
}

int main(int argc, char **argv) {
  static hashes h;
  check_start();
  request q = parse(argc, argv);
  if (q.send) {
    send_all(&q);
    return fflush(stdout) != 0;
  }
  // A crash must not take with it what has been found.
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (q.check != NULL) hashes_read(q.check, &h);
  long differing = run_all(&q, &h);
  if (q.write != NULL) {
    int32_t tiers[MAX_TIERS];
    if (usable_tiers(tiers) != MAX_TIERS) check_abort("not written: it takes a machine with all tiers");
    if (differing == 0) hashes_write(q.write, q.commit, &h);
  }
  return differing != 0 || check_failures() != 0;
}

// SPDX-License-Identifier: Apache-2.0
// Checks that count, name the case they belong to, and let the run go on after a failure.
#ifndef RAPT_TESTS_SUPPORT_CHECK_H
#define RAPT_TESTS_SUPPORT_CHECK_H

// Build under a sanitizer: the same cases, fewer random ones. See test_sweep.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_REDUCED 1
#else
#define TEST_REDUCED 0
#endif

// Checks a condition; the rest is a printf message that says what was expected and what came. Thread-safe.
#define CHECK(condition, ...)                      \
  do {                                             \
    check_count();                                 \
    if (!(condition)) {                            \
      check_fail(__FILE__, __LINE__, __VA_ARGS__); \
    }                                              \
  } while (0)

// How many random cases a sweep draws: `usual`, or `full` where the environment variable RAPT_TEST_FULL is set, or
// under a sanitizer `reduced`. The first ones are the same whatever the number.
int test_sweep(int full, int usual, int reduced);

void check_count(void);
void check_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Failures so far.
long check_failures(void);

// Names the case that the next checks belong to: the command line that runs it alone. It is printed with a failure, and
// by the handler of a crash (a touched guard page). Copies the text.
void check_set_case(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Installs the crash handler. Call first in main.
void check_start(void);

// Prints the totals and returns the exit status of main: 0, or 1 after a failure or where nothing was checked.
int check_finish(const char *name);

// Ends the test where it cannot go on (no memory for the test itself).
_Noreturn void check_abort(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

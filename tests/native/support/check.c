// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// After this many failures only the count goes on: the first ones tell the story.
enum { PRINTED_FAILURES = 25 };

static atomic_long counted;
static atomic_long failed;
static char current_case[1024];
static struct sigaction previous_segv;
static struct sigaction previous_bus;

int test_sweep(int full, int usual, int reduced) {
  if (getenv("RAPT_TEST_FULL") != NULL) return full;
  return TEST_REDUCED ? reduced : usual;
}

void check_count(void) { atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed); }

long check_failures(void) { return atomic_load(&failed); }

void check_fail(const char *file, int line, const char *format, ...) {
  if (atomic_fetch_add(&failed, 1) >= PRINTED_FAILURES) return;
  char message[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  const char *slash = strrchr(file, '/');
  fprintf(stderr, "FAILED %s:%d: %s\n", slash != NULL ? slash + 1 : file, line, message);
  if (current_case[0]) fprintf(stderr, "  replay: %s\n", current_case);
}

void check_set_case(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(current_case, sizeof current_case, format, args);
  va_end(args);
}

static void write_text(const char *text) {
  // write() and not stdio: the only output that is safe in a signal handler.
  ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written;
}

// Says which case crashed, then lets the earlier handler (a sanitizer's, or the default) finish the job.
static void on_crash(int signal_number) {
  write_text("CRASHED, probably on a guard page\n  replay: ");
  write_text(current_case);
  write_text("\n");
  sigaction(signal_number, signal_number == SIGBUS ? &previous_bus : &previous_segv, NULL);
}

void check_start(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_crash;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previous_segv);
  sigaction(SIGBUS, &action, &previous_bus);
}

int check_finish(const char *name) {
  long checks = atomic_load(&counted);
  long failures = atomic_load(&failed);
  printf("%s: %ld checks, %ld failed\n", name, checks, failures);
  return checks == 0 || failures != 0;
}

_Noreturn void check_abort(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(1);
}

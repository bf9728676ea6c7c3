// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"

enum { BAR_WIDTH = 32 };

static int shown;

void progress_show(const char *what, double fraction) {
  static double last;
  double now = clock_seconds();
  if (now - last < 0.1 || !isatty(STDERR_FILENO)) return;
  last = now;
  fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
  char bar[BAR_WIDTH + 1];
  for (int i = 0; i < BAR_WIDTH; i++) bar[i] = i < (int)(fraction * BAR_WIDTH) ? '#' : '.';
  bar[BAR_WIDTH] = '\0';
  fprintf(stderr, "\r%-10s [%s] %3.0f %%", what, bar, 100 * fraction);
  fflush(stderr);
  shown = 1;
}

void progress_clear(void) {
  if (shown) {
    fprintf(stderr, "\r%60s\r", "");
    fflush(stderr);
    shown = 0;
  }
}

// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_BENCH_PROGRESS_H
#define RAPT_BENCH_PROGRESS_H

// A line on stderr, rewritten at most ten times a second, where stderr is a terminal; else nothing.
void progress_show(const char *what, double fraction);

// Takes the line away.
void progress_clear(void);

#endif

// SPDX-License-Identifier: Apache-2.0
// How many simple instructions the core takes per cycle. A core that shares its slots with another thread, perhaps of
// another virtual machine, takes about half as many, while its multiply-add peak stays: kernels then fall behind the
// peak for a reason that is not theirs.
#ifndef RAPT_BENCH_ISSUE_RATE_H
#define RAPT_BENCH_ISSUE_RATE_H

// Instructions per cycle in windows of about a tenth of a millisecond: the tenth percentile, the median and the
// ninetieth. All 0 where this build has no such loop.
typedef struct issue_rate {
  double low, median, high;
} issue_rate;

// Of the core that the caller runs on; takes some milliseconds.
issue_rate issue_rate_measure(void);

// "quiet", or "shared core" where some windows had much less than others or all had less than any core takes by itself;
// empty where nothing was measured.
const char *issue_rate_word(const issue_rate *rate);

// A line of a report; nothing where nothing was measured.
void issue_rate_print(const issue_rate *rate);

#endif

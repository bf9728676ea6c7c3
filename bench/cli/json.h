// SPDX-License-Identifier: Apache-2.0
// One flat JSON object per line on stdout.
#ifndef RAPT_BENCH_JSON_H
#define RAPT_BENCH_JSON_H

#include <stdint.h>

// Opens the object; its first field is "command".
void json_begin(const char *command);
void json_text(const char *key, const char *value);
void json_integer(const char *key, int64_t value);
// null where the value is not finite: JSON has no other word for it.
void json_real(const char *key, double value);
void json_boolean(const char *key, int value);
void json_end(void);

#endif

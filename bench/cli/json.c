// SPDX-License-Identifier: Apache-2.0
#include "json.h"

#include <math.h>
#include <stdio.h>

static void quoted(const char *text) {
  putchar('"');
  for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
    if (*c == '"' || *c == '\\') {
      printf("\\%c", *c);
    } else if (*c < 0x20) {
      printf("\\u%04x", *c);
    } else {
      putchar(*c);
    }
  }
  putchar('"');
}

static void key_of(const char *key) {
  printf(", ");
  quoted(key);
  printf(": ");
}

void json_begin(const char *command) {
  printf("{\"command\": ");
  quoted(command);
}

void json_text(const char *key, const char *value) {
  key_of(key);
  quoted(value);
}

void json_integer(const char *key, int64_t value) {
  key_of(key);
  printf("%lld", (long long)value);
}

void json_real(const char *key, double value) {
  key_of(key);
  if (isfinite(value)) {
    printf("%.9g", value);
  } else {
    printf("null");
  }
}

void json_boolean(const char *key, int value) {
  key_of(key);
  printf(value ? "true" : "false");
}

void json_end(void) {
  printf("}\n");
  fflush(stdout);
}

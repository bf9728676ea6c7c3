// SPDX-License-Identifier: Apache-2.0
#include "mha/mha_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

mha_case mha_case_default(void) {
#define DEFAULT(name, value) .name = value,
  return (mha_case){MHA_FIELDS(DEFAULT)};
}

void mha_case_name(const mha_case *c, int32_t isa) {
  const mha_case plain = mha_case_default();
  char text[640] = "";
  size_t used = 0;
#define PRINT(name, value)                                                                                          \
  if (c->name != plain.name && used < sizeof text) {                                                                \
    used +=                                                                                                         \
        (size_t)snprintf(text + used, sizeof text - used, "%s" #name "=%lld", used ? " " : "", (long long)c->name); \
  }
  MHA_FIELDS(PRINT)
  check_set_case("mha_test --isa %s --case '%s'", isa ? rapt_isa_name(isa) : "portable", text);
}

int mha_case_parse(mha_case *c, char *text) {
  *c = mha_case_default();
  char *rest = NULL;
  for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    char *equals = strchr(word, '=');
    int known = 0;
    if (equals == NULL) return 0;
    *equals = '\0';
#define PARSE(name, value)                   \
  if (!strcmp(word, #name)) {                \
    c->name = strtoll(equals + 1, NULL, 10); \
    known = 1;                               \
  }
    MHA_FIELDS(PARSE)
    if (!known) return 0;
  }
  return 1;
}

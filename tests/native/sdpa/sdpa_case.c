// SPDX-License-Identifier: Apache-2.0
#include "sdpa/sdpa_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sdpa_case sdpa_case_default(void) {
#define SDPA_DEFAULT(name, value) .name = value,
  return (sdpa_case){SDPA_INTEGERS(SDPA_DEFAULT) SDPA_REALS(SDPA_DEFAULT)};
}

void sdpa_case_print(const sdpa_case *c, char *text, size_t size) {
  const sdpa_case plain = sdpa_case_default();
  size_t used = 0;
  text[0] = '\0';
#define SDPA_PRINT(name, format, type)                                                                         \
  if (c->name != plain.name && used < size) {                                                                  \
    used += (size_t)snprintf(text + used, size - used, "%s" #name "=" format, used ? " " : "", (type)c->name); \
  }
#define SDPA_PRINT_INTEGER(name, value) SDPA_PRINT(name, "%lld", long long)
#define SDPA_PRINT_REAL(name, value) SDPA_PRINT(name, "%.17g", double)
  SDPA_INTEGERS(SDPA_PRINT_INTEGER)
  SDPA_REALS(SDPA_PRINT_REAL)
}

static int parse_field(sdpa_case *c, const char *name, const char *value) {
  char *end = NULL;
#define SDPA_PARSE_INTEGER(field, initial) \
  if (!strcmp(name, #field)) {             \
    c->field = strtoll(value, &end, 10);   \
  }
#define SDPA_PARSE_REAL(field, initial) \
  if (!strcmp(name, #field)) {          \
    c->field = strtod(value, &end);     \
  }
  SDPA_INTEGERS(SDPA_PARSE_INTEGER)
  SDPA_REALS(SDPA_PARSE_REAL)
  return end != NULL && end != value && !*end;
}

int sdpa_case_parse(sdpa_case *c, const char *text) {
  *c = sdpa_case_default();
  char *copy = strdup(text);
  int good = copy != NULL;
  char *rest = NULL;
  for (char *word = good ? strtok_r(copy, " ", &rest) : NULL; word != NULL && good; word = strtok_r(NULL, " ", &rest)) {
    char *equals = strchr(word, '=');
    if (equals != NULL) *equals = '\0';
    good = equals != NULL && parse_field(c, word, equals + 1);
    if (!good) fprintf(stderr, "not a case's field: %s\n", word);
  }
  free(copy);
  return good;
}

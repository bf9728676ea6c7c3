// SPDX-License-Identifier: Apache-2.0
#include "hashes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "support/check.h"

static int read_line(const char *line, int expected, hashes *h) {
  int number;
  char operation[16];
  uint32_t *of = h->of[expected];
  return sscanf(line, "%d %15s %" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32, &number, operation, &of[0], &of[1],
                &of[2], &of[3]) == 2 + TIERS &&
         number == expected && !strcmp(operation, operation_name(number));
}

void hashes_read(const char *path, hashes *h) {
  FILE *file = fopen(path, "r");
  if (file == NULL) check_abort("cannot read %s", path);
  char line[256];
  int read = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (line[0] == '#') continue;
    if (read == PROBLEMS || !read_line(line, read, h)) {
      check_abort("%s: not a line of problem %d: %s", path, read, line);
    }
    read++;
  }
  fclose(file);
  if (read != PROBLEMS) check_abort("%s has %d problems; %d were expected", path, read, PROBLEMS);
}

void hashes_write(const char *path, const char *commit, const hashes *h) {
  char cpu[64];
  call_cpu_name(cpu, sizeof cpu);
  FILE *file = fopen(path, "w");
  if (file == NULL) check_abort("cannot write %s", path);
  fprintf(file,
          "# SPDX-License-Identifier: Apache-2.0\n"
          "# Hashes of the results of %d seeded problems, by tests/native/corpus. Kernels that compute as before leave "
          "them as they are.\n"
          "# Taken from %s on %s.\n"
          "# problem operation portable avx2 avx512 avx512bf16\n",
          PROBLEMS, commit, cpu);
  for (int n = 0; n < PROBLEMS; n++) {
    const uint32_t *of = h->of[n];
    fprintf(file, "%d %s %08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 "\n", n, operation_name(n), of[0], of[1],
            of[2], of[3]);
  }
  if (fclose(file)) check_abort("cannot write %s", path);
}

// SPDX-License-Identifier: Apache-2.0
// Numbers in messages and plan names are the same under every locale of the caller.
#include <locale.h>
#include <rapt/rapt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/check.h"
#include "support/contexts.h"

// Where localedef makes the locale, if the system lacks it.
static char folder[256];

static int take_locale(void) {
  return setlocale(LC_ALL, "de_DE.UTF-8") != NULL && strcmp(localeconv()->decimal_point, ",") == 0;
}

// Takes a locale that writes 0,5. Returns 0 where there is none.
static int set_locale(void) {
  char command[2 * sizeof folder];
  if (take_locale()) return 1;
  const char *parent = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/rapt-locale-XXXXXX", parent != NULL && strlen(parent) < 200 ? parent : "/tmp");
  if (mkdtemp(folder) == NULL) return 0;
  snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1", folder);
  if (system(command) != 0) return 0;
  setenv("LOCPATH", folder, 1);
  return take_locale();
}

static void remove_folder(void) {
  char command[2 * sizeof folder];
  if (folder[0] == 0) return;
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (system(command) != 0) printf("locale_test: %s is left behind\n", folder);
}

int main(void) {
  check_start();
  int count;
  const tier *on = test_tiers(0, &count);
  if (!set_locale()) {
    printf("locale_test: left out: there is no locale de_DE.UTF-8, and localedef cannot make it\n");
    remove_folder();
    return 0;
  }
  float numbers[4] = {0};
  rapt_tensor one = {.data = numbers, .stride = {0, 0, 0, 1}, .dtype = RAPT_F32}, out = one;
  out.data = numbers + 2;
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = one,
                    .key = one,
                    .value = one,
                    .output = out,
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = 1,
                    .kv_len = 1,
                    .head_dim = 1,
                    .value_dim = 1,
                    .options = {.softcap = -1234567.5f}};
  rapt_error error = {.struct_size = sizeof error};
  const char *wanted = "options.softcap is -1.23457e+06; it must be finite, and 0 (off) or above";
  CHECK(rapt_sdpa_run(on->context[0], &call, &error) == RAPT_INVALID_ARGUMENT && strcmp(error.message, wanted) == 0,
        "\"%s\"", error.message);
  char text[16];
  snprintf(text, sizeof text, "%g", 0.5);
  CHECK(strcmp(text, "0,5") == 0, "the caller's locale is gone: %s", text);
  call.options.softcap = 0.5f;
  rapt_plan plan = {.struct_size = sizeof plan};
  call.kv_len = 1234567;
  CHECK(rapt_sdpa_plan(on->context[0], &call, &plan, &error) == RAPT_OK, "%s", error.message);
  CHECK(strpbrk(plan.name, ",.") == NULL, "plan %s", plan.name);
  remove_folder();
  return check_finish("locale_test");
}

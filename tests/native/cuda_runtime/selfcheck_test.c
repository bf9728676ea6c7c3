// SPDX-License-Identifier: Apache-2.0
// The self-check, on emulated GPUs that are wrong in one thing: exactly what is made of it is left out, with a reason,
// and a right kernel takes its place. What was found is remembered for this GPU, driver and build, and for no other.
//
// selfcheck_test SUITE    outcomes, plans, cache, contexts
// selfcheck_test --report: what a context of a new process says, for the test itself; --again checks anew.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "small.h"
#include "support/check.h"

enum { TEXT = 16384 };

static const char *program;
static char cache[4096];

static rapt_status open_device(int32_t ordinal, int again, rapt_context **out, rapt_error *error) {
  rapt_context_options options = {.struct_size = sizeof options,
                                  .device = RAPT_DEVICE_CUDA,
                                  .ordinal = ordinal,
                                  .cuda_selfcheck = again ? RAPT_SELFCHECK_AGAIN : RAPT_SELFCHECK_REMEMBERED};
  return rapt_context_create(&options, out, error);
}

// In a process of its own.
static int report(int again) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  static char text[TEXT];
  if (open_device(0, again, &context, &error) != RAPT_OK) {
    printf("%s\n", error.message);
    return 0;
  }
  rapt_context_get_selfcheck(context, text, sizeof text, &error);
  printf("%s\n", text);
  rapt_context_destroy(context);
  return 0;
}

// What a new process reports.
static const char *ask(const char *how) {
  static char text[TEXT], command[8192];
  snprintf(command, sizeof command, "'%s' %s", program, how);
  FILE *child = popen(command, "r");
  if (child == NULL) check_abort("the test cannot start a process");
  size_t count = fread(text, 1, sizeof text - 1, child);
  text[count] = 0;
  CHECK(pclose(child) == 0, "%s ended badly: %s", how, text);
  return text;
}

// Another GPU each time, so that this process checks it anew.
static void next_device(const char *broken) {
  static int serial = 100;
  char number[16];
  snprintf(number, sizeof number, "%d", serial++);
  setenv("RAPT_EMULATED_SERIAL", number, 1);
  setenv("RAPT_EMULATED_BREAK", broken, 1);
}

static rapt_context *open_broken(const char *broken, char *text) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  check_set_case("RAPT_EMULATED_BREAK=%s", broken);
  next_device(broken);
  if (open_device(0, 0, &context, &error) != RAPT_OK) check_abort("%s: %s", broken, error.message);
  CHECK(rapt_context_get_selfcheck(context, text, TEXT, &error) == RAPT_OK, "%s", error.message);
  return context;
}

// Lines of the text that begin so and contain this.
static int count_lines(const char *text, const char *start, const char *part) {
  int count = 0;
  for (const char *line = strchr(text, '\n'); line != NULL; line = strchr(line, '\n')) {
    char copy[1024];
    line++;
    snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
    char *end = strstr(copy, ": ");
    if (end != NULL) *end = 0;
    count += copy[0] && !strncmp(copy, start, strlen(start)) && strstr(copy, part) != NULL;
  }
  return count;
}

static void check_runs(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  small_calls s;
  small_open(&s, context, 20);
  CHECK(rapt_sdpa_run(context, &s.attention, &error) == RAPT_OK, "attention: %s", error.message);
  CHECK(rapt_linear_run(context, &s.linear, &error) == RAPT_OK, "linear: %s", error.message);
  small_close(&s);
}

typedef struct outcome {
  const char *broken;
  // Failures of the word; of attention, by a part of their names, of projections and of all else.
  int words;
  const char *attention;
  int attentions, linears;
} outcome;

static void check_outcome(const outcome *o) {
  static char text[TEXT];
  rapt_context *context = open_broken(o->broken, text);
  int all = count_lines(text, "", ""), attention = count_lines(text, "sdpa_", o->attention);
  CHECK(attention == o->attentions, "%d kernels of attention were left out:\n%s", attention, text);
  CHECK(count_lines(text, "linear_", "cuda_mma") == o->linears, "projections:\n%s", text);
  CHECK(all == o->words + o->attentions + o->linears, "%d failures:\n%s", all, text);
  check_runs(context);
  rapt_context_destroy(context);
}

// bf16 attention that tensor cores would take.
static rapt_plan plan_bf16(rapt_context *context) {
  rapt_tensor rows = {.stride = {64, 64, 64, 1}, .dtype = RAPT_BF16};
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows,
                    .key = rows,
                    .value = rows,
                    .output = rows,
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = 1,
                    .kv_len = 1,
                    .head_dim = 64,
                    .value_dim = 64};
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_plan(context, &call, &plan, &error) == RAPT_OK, "plan: %s", error.message);
  return plan;
}

static void check_plans(void) {
  static char text[TEXT];
  rapt_context *context = open_broken("multiply_bf16", text);
  rapt_plan plan = plan_bf16(context);
  CHECK(plan.supported && strstr(plan.name, "simt") != NULL, "the plan is %s", plan.name);
  CHECK(strstr(plan.reason, "sdpa_decode_bf16_cuda_mma_d64 failed its self-check") != NULL &&
            strstr(plan.reason, "left out") != NULL,
        "its reason is \"%s\"", plan.reason);
  rapt_context_destroy(context);
  setenv("RAPT_KERNEL", "sdpa", 1);
  context = open_broken("multiply_bf16", text);
  plan = plan_bf16(context);
  CHECK(plan.supported && strstr(plan.name, "mma") != NULL, "the forced plan is %s", plan.name);
  CHECK(strstr(plan.reason, "because RAPT_KERNEL names it") != NULL, "its reason is \"%s\"", plan.reason);
  rapt_context_destroy(context);
  unsetenv("RAPT_KERNEL");
}

static void check_unusable(void) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  check_set_case("a device without a right kernel");
  next_device("shuffle");
  CHECK(open_device(0, 0, &context, &error) == RAPT_DEVICE_UNAVAILABLE && context == NULL, "it opened");
  CHECK(strstr(error.message, "is unusable: sdpa_prefill_cuda_simt") != NULL, "\"%s\"", error.message);
  CHECK(open_device(RAPT_FIRST_USABLE, 0, &context, &error) == RAPT_DEVICE_UNAVAILABLE, "one was found");
  CHECK(strstr(error.message, "no CUDA device is usable: CUDA device 0") != NULL, "\"%s\"", error.message);
  setenv("RAPT_KERNEL", "all", 1);
  CHECK(open_device(0, 0, &context, &error) == RAPT_OK, "RAPT_KERNEL does not force it: %s", error.message);
  rapt_context_destroy(context);
  unsetenv("RAPT_KERNEL");
  next_device("");
  setenv("RAPT_EMULATED_DEVICES", "2", 1);
  CHECK(open_device(RAPT_FIRST_USABLE, 0, &context, &error) == RAPT_OK, "no right one: %s", error.message);
  rapt_context_destroy(context);
  unsetenv("RAPT_EMULATED_DEVICES");
}

// The file of the one verdict there is; NULL where there is none.
static const char *cache_file(void) {
  static char path[8192];
  char command[8192];
  snprintf(command, sizeof command, "ls -d '%s'/rapt/selfcheck/*", cache);
  FILE *list = popen(command, "r");
  if (list == NULL || fgets(path, sizeof path, list) == NULL) path[0] = 0;
  if (list != NULL) pclose(list);
  path[strcspn(path, "\n")] = 0;
  return path[0] ? path : NULL;
}

static void forget(void) {
  char command[8192];
  snprintf(command, sizeof command, "rm -rf '%s/rapt'", cache);
  if (system(command) != 0) check_abort("the test cannot empty its folder");
}

static int is_remembered(const char *text) { return strstr(text, "as an earlier run found") != NULL; }

static unsigned char *read_whole(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) check_abort("the test cannot read %s", path);
  *bytes = (size_t)ftell(file);
  rewind(file);
  unsigned char *data = calloc(*bytes + 1, 1);
  if (data == NULL || fread(data, 1, *bytes, file) != *bytes) check_abort("the test cannot read %s", path);
  fclose(file);
  return data;
}

static void write_whole(const char *path, const void *data, size_t bytes) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
    check_abort("the test cannot write %s", path);
  }
}

// A copy of the plug-in with another build's number.
static void check_other_build(void) {
  const char *library = getenv("RAPT_CUDA_LIBRARY");
  char original[4096], copy[8192];
  size_t bytes, text_bytes;
  snprintf(original, sizeof original, "%s", library);
  char *text = (char *)read_whole(cache_file(), &text_bytes);
  const char *digits = strstr(text, "\nlibrary ") + strlen("\nlibrary ");
  unsigned char id[20];
  for (int i = 0; i < 20; i++) {
    unsigned byte = 0;
    sscanf(digits + 2 * i, "%2x", &byte);
    id[i] = (unsigned char)byte;
  }
  unsigned char *data = read_whole(original, &bytes), *found = memmem(data, bytes, id, sizeof id);
  if (found == NULL) check_abort("the plug-in does not have its number");
  *found ^= 1;
  snprintf(copy, sizeof copy, "%s/librapt_cuda_other.so", cache);
  write_whole(copy, data, bytes);
  setenv("RAPT_CUDA_LIBRARY", copy, 1);
  CHECK(!is_remembered(ask("--report")), "another build takes the verdict");
  setenv("RAPT_CUDA_LIBRARY", original, 1);
  unlink(copy);
  free(text), free(data);
}

static void check_cache(void) {
  check_set_case("the cache");
  next_device("");
  forget();
  CHECK(!is_remembered(ask("--report")), "the first run remembers");
  CHECK(is_remembered(ask("--report")), "the second does not");
  check_other_build();
  setenv("RAPT_EMULATED_VERSION", "13010", 1);
  CHECK(!is_remembered(ask("--report")), "another driver takes the verdict");
  unsetenv("RAPT_EMULATED_VERSION");
  CHECK(is_remembered(ask("--report")), "it was lost");
  CHECK(!is_remembered(ask("--again")), "it cannot be made to check again");
  next_device("");
  CHECK(!is_remembered(ask("--report")), "another GPU takes the verdict");
  forget();
  ask("--report");
  size_t bytes;
  char path[8192];
  snprintf(path, sizeof path, "%s", cache_file());
  unsigned char *data = read_whole(path, &bytes);
  for (size_t cut = 0; cut < bytes; cut += bytes / 3) {
    write_whole(path, data, cut);
    CHECK(!is_remembered(ask("--report")), "a file of %zu of %zu bytes is taken", cut, bytes);
  }
  data[bytes / 2] ^= 1;
  write_whole(path, data, bytes);
  CHECK(!is_remembered(ask("--report")) && is_remembered(ask("--report")),
        "a file with a wrong bit is taken, or stays");
  free(data);
  // What was remembered holds, right or wrong.
  forget();
  setenv("RAPT_EMULATED_BREAK", "multiply_f16@linear_mma", 1);
  ask("--report");
  setenv("RAPT_EMULATED_BREAK", "", 1);
  CHECK(strstr(ask("--report"), "\nlinear_f16_cuda_mma: ") != NULL, "a failure is forgotten");
  CHECK(strchr(ask("--again"), '\n')[1] == 0, "what was mended still fails");
  setenv("XDG_CACHE_HOME", "/proc/none", 1);
  CHECK(strstr(ask("--report"), " passed, in ") != NULL, "an unwritable folder is an error");
  setenv("XDG_CACHE_HOME", cache, 1);
}

// A fault that costs the whole process its GPU: the next one leaves the kernel out. Also where the driver refuses
// further contexts with an error that looks temporary.
static void check_fatal(const char *word) {
  char broken[64];
  check_set_case("a fault that leaves the process no context: %s", word);
  snprintf(broken, sizeof broken, "%s@mma_tiles<gpu::bf16, 64, 1, 1", word);
  next_device(broken);
  const char *text = ask("--report");
  CHECK(strstr(text, "is unusable: sdpa_decode_bf16_cuda_mma_d64 failed its self-check") != NULL, "%s", text);
  setenv("RAPT_EMULATED_BREAK", "", 1);
  text = ask("--report");
  CHECK(count_lines(text, "", "") == 1 && count_lines(text, "sdpa_decode_bf16_cuda_mma_d64", "") == 1, "%s", text);
}

// What a machine without memory says of no kernel: nothing is remembered, and the next context checks anew.
static void check_temporary(void) {
  static char text[TEXT];
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  check_set_case("no memory during the check");
  next_device("");
  forget();
  setenv("RAPT_EMULATED_FAULT", "2", 1);
  CHECK(open_device(0, 0, &context, &error) == RAPT_DEVICE_UNAVAILABLE && context == NULL, "it opened");
  CHECK(strstr(error.message, "could not be done: cudaErrorMemoryAllocation (2)") != NULL, "\"%s\"", error.message);
  unsetenv("RAPT_EMULATED_FAULT");
  CHECK(cache_file() == NULL, "the verdict was remembered");
  if (open_device(0, 0, &context, &error) != RAPT_OK) check_abort("it was not checked again: %s", error.message);
  CHECK(rapt_context_get_selfcheck(context, text, TEXT, &error) == RAPT_OK, "%s", error.message);
  CHECK(count_lines(text, "", "") == 0, "%s", text);
  rapt_context_destroy(context);
}

// The kernel that packs weights: projections fail for its sake, each by its name, and are counted.
static void check_packing(void) {
  static char text[TEXT];
  setenv("RAPT_KERNEL", "all", 1);
  rapt_context *context = open_broken("fault@copy_rows", text);
  unsetenv("RAPT_KERNEL");
  static const char *const names[] = {"mha_append_cuda", "linear_f16_cuda_mma", "linear_bf16_cuda_mma",
                                      "linear_cuda_simt"};
  for (int n = 0; n < 4; n++) CHECK(count_lines(text, names[n], "") == 1, "%s:\n%s", names[n], text);
  int passed = 0, checks = 0;
  CHECK(sscanf(text, "%d of %d", &passed, &checks) == 2 && passed == checks - 4 && count_lines(text, "", "") == 4, "%s",
        text);
  rapt_context_destroy(context);
}

// A context keeps the verdict that it was made with when its device is checked again.
static void check_earlier(void) {
  static char text[TEXT], again[TEXT];
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = open_broken("multiply_f16@linear_mma", text), *other = NULL;
  setenv("RAPT_EMULATED_BREAK", "", 1);
  for (int time = 0; time < 2; time++) {
    if (open_device(0, 1, &other, &error) != RAPT_OK) check_abort("not again: %s", error.message);
    CHECK(rapt_context_get_selfcheck(other, again, TEXT, &error) == RAPT_OK, "%s", error.message);
    CHECK(count_lines(again, "", "") == 0, "%s", again);
    rapt_context_destroy(other);
  }
  CHECK(rapt_context_get_selfcheck(context, again, TEXT, &error) == RAPT_OK, "%s", error.message);
  CHECK(!strcmp(text, again), "another verdict:\n%s", again);
  rapt_context_destroy(context);
}

// Of the two kernels for prefill of 128 dimensions a GPU gets the one that plans choose there; code for the others may
// not hold the wide one.
static void check_narrow(void) {
  static char text[TEXT];
  static const struct {
    const char *driver;
    int narrow;
  } devices[] = {{"good", 1}, {"ada", 1}, {"hopper", 0}};
  for (size_t d = 0; d < sizeof devices / sizeof devices[0]; d++) {
    setenv("RAPT_EMULATED_DRIVER", devices[d].driver, 1);
    // Wrong words name every kernel that is made of them, and none is launched.
    rapt_context *context = open_broken("load", text);
    for (int type = 0; type < 2; type++) {
      char wide[64], narrow[64];
      snprintf(wide, sizeof wide, "\nsdpa_prefill_%s_cuda_mma_d128: ", type ? "bf16" : "f16");
      snprintf(narrow, sizeof narrow, "\nsdpa_prefill_%s_cuda_mma_d128_narrow: ", type ? "bf16" : "f16");
      CHECK((strstr(text, wide) == NULL) == devices[d].narrow, "%s, the wide kernel:\n%s", devices[d].driver, text);
      CHECK((strstr(text, narrow) != NULL) == devices[d].narrow, "%s, the narrow one:\n%s", devices[d].driver, text);
    }
    rapt_context_destroy(context);
  }
  unsetenv("RAPT_EMULATED_DRIVER");
}

static void check_outcomes(void) {
  static const outcome outcomes[] = {
      {"", 0, "", 0, 0},
      {"multiply_bf16", 1, "_bf16_cuda_mma_", 9, 1},
      {"multiply_f16", 1, "_f16_cuda_mma_", 9, 1},
      {"load", 1, "_cuda_mma_", 18, 2},
      {"load_transposed", 1, "_cuda_mma_", 18, 0},
      {"copy", 1, "_cuda_mma_", 18, 2},
      {"exponential", 1, "_cuda_mma_", 18, 0},
      {"multiply_f16@linear_mma", 0, "", 0, 1},
      {"exponential@mma_tiles<gpu::f16, 128, 2, 4, 1, 32", 0, "prefill_f16_cuda_mma_d128_narrow", 1, 0},
      {"fault@mma_tiles<gpu::bf16, 64, 1, 1", 0, "decode_bf16_cuda_mma_d64", 1, 0},
      {"fault@linear_mma<gpu::f16>", 0, "", 0, 1},
  };
  for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) check_outcome(&outcomes[i]);
  check_narrow();
}

static void check_contexts(void) {
  check_unusable();
  check_fatal("fatal");
  check_fatal("last");
  check_temporary();
  check_packing();
  check_earlier();
}

// Each a test of its own for ctest, which runs them side by side.
static const struct {
  const char *name;
  void (*run)(void);
} suites[] = {
    {"outcomes", check_outcomes}, {"plans", check_plans}, {"cache", check_cache}, {"contexts", check_contexts}};

int main(int argc, char **argv) {
  const char *word = argc == 2 ? argv[1] : "";
  if (!strcmp(word, "--report") || !strcmp(word, "--again")) return report(!strcmp(word, "--again"));
  check_start();
  program = argv[0];
  snprintf(cache, sizeof cache, "%s", "/tmp/rapt-selfcheck-XXXXXX");
  if (mkdtemp(cache) == NULL) check_abort("the test cannot make a folder");
  setenv("XDG_CACHE_HOME", cache, 1);
  int found = 0;
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    if (strcmp(word, suites[i].name)) continue;
    suites[i].run();
    found = 1;
  }
  if (!found) check_abort("usage: selfcheck_test outcomes | plans | cache | contexts");
  forget();
  rmdir(cache);
  return check_finish("cuda_abi_selfcheck_test");
}

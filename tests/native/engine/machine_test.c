// SPDX-License-Identifier: Apache-2.0
// The machine model: read from what CPUID and sysfs say on some CPUs, and what calls make of it.
#include "cpu/engine/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpu/engine/engine.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/random.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

enum { LEVELS = 3, MACHINES = 5 };

// A data or unified cache as its CPU describes it.
typedef struct cache {
  int64_t bytes;
  uint32_t ways;
  uint32_t sharers;
} cache;

typedef struct machine {
  const char *name;
  cache caches[LEVELS];
  rapt_machine expected;
} machine;

static const machine machines[MACHINES] = {
    {"Zen 3, EPYC", {{32 * KIB, 8, 2}, {512 * KIB, 8, 2}, {32 * MIB, 16, 16}}, {32 * KIB, 512 * KIB, 32 * MIB}},
    {"Zen 5, EPYC", {{48 * KIB, 12, 2}, {MIB, 16, 2}, {32 * MIB, 16, 16}}, {48 * KIB, MIB, 32 * MIB}},
    {"Cascade Lake", {{32 * KIB, 8, 2}, {MIB, 16, 2}, {36 * MIB - 256 * KIB, 11, 64}}, {32 * KIB, MIB, 0}},
    // Four cores share their second level.
    {"Alder Lake, efficient core", {{32 * KIB, 8, 1}, {2 * MIB, 16, 4}, {30 * MIB, 12, 32}}, {32 * KIB, 0, 30 * MIB}},
    {"a cloud's CPU", {{32 * KIB, 8, 1}, {512 * KIB, 8, 1}, {MIB, 16, 1}}, {32 * KIB, 512 * KIB, MIB}},
};

// The register values that describe a cache of lines of 64 bytes.
static rapt_cache_leaf leaf_of(const cache *c, uint32_t type, uint32_t level) {
  return (rapt_cache_leaf){.eax = type | level << 5 | (c->sharers - 1) << 14,
                           .ebx = (c->ways - 1) << 22 | 63,
                           .ecx = (uint32_t)(c->bytes / (c->ways * INT64_C(64))) - 1};
}

static rapt_machine model_of(const machine *m) {
  // An instruction cache stands between the first two.
  cache code = {64 * KIB, 8, m->caches[0].sharers};
  rapt_cache_leaf leaves[] = {leaf_of(&m->caches[0], 1, 1),
                              leaf_of(&code, 2, 1),
                              leaf_of(&m->caches[1], 3, 2),
                              leaf_of(&m->caches[2], 3, 3),
                              {0}};
  return rapt_machine_at_least(rapt_machine_of_leaves(leaves, 5));
}

static void check_reading(const machine *m) {
  check_set_case("%s", m->name);
  rapt_machine got = model_of(m), expected = m->expected;
  // Sets are whole numbers, and not every size is one of so many ways.
  if (expected.l3 == 0) expected.l3 = m->caches[2].bytes / (m->caches[2].ways * 64) * (m->caches[2].ways * 64);
  if (expected.l2 == 0) expected.l2 = m->caches[1].bytes / 4;
  CHECK(got.l1 == expected.l1 && got.l2 == expected.l2 && got.l3 == expected.l3,
        "L1 %lld, L2 %lld, L3 %lld; expected %lld, %lld, %lld", (long long)got.l1, (long long)got.l2, (long long)got.l3,
        (long long)expected.l1, (long long)expected.l2, (long long)expected.l3);
  CHECK(rapt_machine_l1_ways(&got) == m->caches[0].ways, "%lld ways", (long long)rapt_machine_l1_ways(&got));
}

// What calls rely on, for any machine.
static void check_sizes(const char *name, const rapt_machine *m) {
  check_set_case("%s", name);
  CHECK(m->l1 > 0 && m->l2 >= m->l1 && m->l3 >= m->l2, "L1 %lld, L2 %lld, L3 %lld", (long long)m->l1, (long long)m->l2,
        (long long)m->l3);
  int64_t task = rapt_machine_task_bytes(m), weights = rapt_machine_weight_bytes(m);
  CHECK(task >= 256 * KIB && task <= MIB, "a task's panels take %lld bytes", (long long)task);
  CHECK(weights > 0 && weights <= m->l2 * 3 / 4, "weights of %lld bytes, L2 %lld", (long long)weights,
        (long long)m->l2);
  int64_t prefetch = rapt_machine_prefetch_bytes(m);
  int64_t evicting = rapt_machine_evicting_bytes(m), reading = rapt_machine_reading_bytes(m);
  CHECK(evicting >= (m->l2 < 8 * MIB ? m->l2 : 8 * MIB) && evicting <= 8 * MIB,
        "%lld bytes push others out of a cache of %lld", (long long)evicting, (long long)m->l2);
  CHECK(reading >= m->l2 && reading <= 16 * MIB, "the faster way from %lld bytes on", (long long)reading);
  CHECK(rapt_machine_l1_ways(m) > 0, "L1 without ways");
  CHECK(prefetch >= m->l2 && prefetch <= 16 * MIB, "prefetching from %lld bytes on", (long long)prefetch);
}

static void write_file(const char *root, int index, const char *name, const char *text) {
  char path[512], command[600];
  snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu0/cache/index%d", root, index);
  snprintf(command, sizeof command, "mkdir -p '%s'", path);
  if (system(command) != 0) check_abort("no folder %s", path);
  snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu0/cache/index%d/%s", root, index, name);
  FILE *file = fopen(path, "w");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) check_abort("cannot write %s", path);
}

static void check_sysfs(void) {
  static const char *const files[4][4] = {{"1", "Data", "48K", "0,64"},
                                          {"1", "Instruction", "32K", "0,64"},
                                          {"2", "Unified", "2048K", "0-3,64-67"},
                                          {"3", "Unified", "107520K", "0-63,64-127"}};
  const char *folder = getenv("TMPDIR");
  char root[256], command[300];
  snprintf(root, sizeof root, "%s/rapt_machine_XXXXXX", folder == NULL || *folder == 0 ? "/tmp" : folder);
  if (mkdtemp(root) == NULL) check_abort("no folder for files");
  check_set_case("sysfs");
  rapt_machine nothing = rapt_machine_of_sysfs(root);
  CHECK(nothing.l1 == 0 && nothing.l2 == 0 && nothing.l3 == 0, "an empty folder has no caches");
  for (int i = 0; i < 4; i++) {
    static const char *const names[4] = {"level", "type", "size", "shared_cpu_list"};
    for (int f = 0; f < 4; f++) {
      char text[64];
      snprintf(text, sizeof text, "%s\n", files[i][f]);
      write_file(root, i, names[f], text);
    }
  }
  rapt_machine got = rapt_machine_of_sysfs(root);
  CHECK(got.l1 == 48 * KIB && got.l2 == 512 * KIB && got.l3 == 105 * MIB, "L1 %lld, L2 %lld, L3 %lld",
        (long long)got.l1, (long long)got.l2, (long long)got.l3);
  write_file(root, 2, "size", "nonsense\n");
  got = rapt_machine_of_sysfs(root);
  CHECK(got.l1 == 48 * KIB && got.l2 == 0, "a size that is none is not known, and L2 is %lld", (long long)got.l2);
  snprintf(command, sizeof command, "rm -r '%s'", root);
  if (system(command) != 0) check_abort("cannot remove %s", root);
}

static void check_missing(void) {
  rapt_machine known = {.l1 = 48 * KIB, .l3 = 8 * MIB}, other = {.l1 = 1, .l2 = 2 * MIB};
  check_set_case("what is missing");
  rapt_machine got = rapt_machine_complete(known, other);
  CHECK(got.l1 == 48 * KIB && got.l2 == 2 * MIB && got.l3 == 8 * MIB, "the second fills the first's gap");
  got = rapt_machine_at_least((rapt_machine){0});
  check_sizes("a machine that says nothing", &got);
}

// A virtual machine with a Zen 5 under it that describes no cache but for these registers; and one without them.
static void check_sizes_leaves(void) {
  check_set_case("sizes without caches");
  const rapt_cache_sizes zen5 = {.l1_ecx = 0x300c0140, .l2_ecx = 0x04006140, .l3_edx = 0x0fe09140}, none = {0};
  rapt_machine got = rapt_machine_of_sizes(&zen5);
  CHECK(got.l1 == 48 * KIB && got.l2 == MIB && got.l3 == 508 * MIB, "L1 %lld, L2 %lld, L3 %lld", (long long)got.l1,
        (long long)got.l2, (long long)got.l3);
  check_sizes("a virtual Zen 5 with an L3 of 508 MiB", &got);
  // The largest registers.
  const rapt_cache_sizes most = {.l1_ecx = UINT32_MAX, .l2_ecx = UINT32_MAX, .l3_edx = UINT32_MAX};
  got = rapt_machine_of_sizes(&most);
  CHECK(got.l1 == 255 * KIB && got.l2 == 65535 * KIB && got.l3 == 16383 * 512 * KIB, "L1 %lld, L2 %lld, L3 %lld",
        (long long)got.l1, (long long)got.l2, (long long)got.l3);
  check_set_case("no sizes");
  got = rapt_machine_of_sizes(&none);
  CHECK(got.l1 == 0 && got.l2 == 0 && got.l3 == 0, "sizes of 0 are not known");
}

enum { ROWS = 300, KEYS = 500, DEPTH = 64, FEATURES = 700 };

// Bits are the same whatever the machine: attention and a projection of more than one task and group.
static void check_bits(int32_t isa) {
  static float query[ROWS * DEPTH], key[KEYS * DEPTH], weight[FEATURES * DEPTH];
  static float attended[2][ROWS * DEPTH], projected[2][ROWS * FEATURES];
  random_state r = {1};
  for (int i = 0; i < ROWS * DEPTH; i++) query[i] = random_unit(&r);
  for (int i = 0; i < KEYS * DEPTH; i++) key[i] = random_unit(&r);
  for (int i = 0; i < FEATURES * DEPTH; i++) weight[i] = random_unit(&r);
  rapt_tensor rows = {.data = query, .stride = {0, 0, DEPTH, 1}, .dtype = RAPT_F32}, keys = rows;
  keys.data = key;
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows,
                    .key = keys,
                    .value = keys,
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = ROWS,
                    .kv_len = KEYS,
                    .head_dim = DEPTH,
                    .value_dim = DEPTH};
  rapt_linear_parameters parameters = {.struct_size = sizeof parameters,
                                       .weight = {.data = weight, .stride = {DEPTH, 1}, .dtype = RAPT_F32},
                                       .in_features = DEPTH,
                                       .out_features = FEATURES};
  for (int m = -1; m < MACHINES; m++) {
    check_set_case("%s, %s", m < 0 ? "this machine" : machines[m].name, rapt_isa_name(isa));
    rapt_context *context = context_of(isa, m % 2 == 0 ? 3 : 1);
    if (m >= 0) ((rapt_cpu_context *)context)->machine = model_of(&machines[m]);
    rapt_error error = {.struct_size = sizeof error};
    int at = m >= 0;
    call.output = rows;
    call.output.data = attended[at];
    CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "attention: %s", error.message);
    rapt_linear_weights *weights = NULL;
    CHECK(rapt_linear_create(context, &parameters, &weights, &error) == RAPT_OK, "weights: %s", error.message);
    rapt_linear product = {.head = {.struct_size = sizeof product},
                           .weights = weights,
                           .input = {.data = query, .stride = {0, DEPTH, 1}, .dtype = RAPT_F32},
                           .output = {.data = projected[at], .stride = {0, FEATURES, 1}, .dtype = RAPT_F32},
                           .batch = 1,
                           .rows = ROWS};
    CHECK(rapt_linear_run(context, &product, &error) == RAPT_OK, "a projection: %s", error.message);
    CHECK(!at || memcmp(attended[0], attended[1], sizeof attended[0]) == 0, "attention has other bits");
    CHECK(!at || memcmp(projected[0], projected[1], sizeof projected[0]) == 0, "a projection has other bits");
    rapt_linear_destroy(weights);
    rapt_context_destroy(context);
  }
}

int main(void) {
  check_start();
  rapt_machine here = rapt_machine_here();
  check_sizes("this machine", &here);
  for (int m = 0; m < MACHINES; m++) {
    rapt_machine model = model_of(&machines[m]);
    check_reading(&machines[m]);
    check_sizes(machines[m].name, &model);
  }
  check_sysfs();
  check_missing();
  check_sizes_leaves();
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  for (int t = 0; t < count; t++) check_bits(tiers[t]);
  printf("this machine: L1 %lld KiB, L2 %lld KiB, L3 %lld KiB\n", (long long)(here.l1 / KIB),
         (long long)(here.l2 / KIB), (long long)(here.l3 / KIB));
  return check_finish("machine_test");
}

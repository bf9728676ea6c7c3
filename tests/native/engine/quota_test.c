// SPDX-License-Identifier: Apache-2.0
// CPU quotas of control groups, read from folders that stand for those of a container or a machine.
#include "cpu/engine/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpu/engine/features.h"
#include "support/check.h"

enum { FILES = 8 };

// A machine: what the named files hold. The name says which.
typedef struct machine {
  const char *name;
  int32_t cpus;
  const char *files[FILES][2];
} machine;

#define GROUP "/proc/self/cgroup"
#define MOUNTS "/proc/self/mountinfo"
#define V2(root, point) "30 23 0:26 " root " " point " rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1(root, point, controllers) \
  "33 25 0:28 " root " " point " rw,nosuid shared:9 master:3 - cgroup cgroup rw," controllers "\n"
#define ROOT_DISK "23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"

static const machine machines[] = {
    {"no control groups", 0, {{GROUP, ""}, {MOUNTS, ROOT_DISK}}},
    {"nothing at all", 0, {{NULL}}},
    {"version 2, no limit", 0, {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/cpu.max", "max 100000\n"}}},
    {"version 2, one CPU", 1, {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/cpu.max", "100000 100000\n"}}},
    {"rounded up", 3, {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/cpu.max", "200001 100000\n"}}},
    {"half a CPU", 1, {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/cpu.max", "50000 100000\n"}}},
    {"another period", 2, {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/cpu.max", "20000 10000\n"}}},
    {"no period", 0, {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/cpu.max", "20000\n"}}},
    {"huge", INT32_MAX, {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/cpu.max", "9223372036854775807 1\n"}}},
    {"the group's own",
     2,
     {{GROUP, "0::/a/b\n"},
      {MOUNTS, ROOT_DISK V2("/", "/sys/fs/cgroup")},
      {"/sys/fs/cgroup/a/b/cpu.max", "200000 100000\n"},
      {"/sys/fs/cgroup/a/cpu.max", "max 100000\n"}}},
    {"a group above it",
     1,
     {{GROUP, "0::/a/b/c\n"},
      {MOUNTS, V2("/", "/cg")},
      {"/cg/a/b/c/cpu.max", "400000 100000\n"},
      {"/cg/a/cpu.max", "100000 100000\n"}}},
    {"another group's",
     0,
     {{GROUP, "0::/a\n"}, {MOUNTS, V2("/", "/cg")}, {"/cg/b/cpu.max", "100000 100000\n"}, {"/cg/a/cpu.max", "max 1"}}},
    {"a container that sees the machine's paths",
     2,
     {{GROUP, "0::/docker/c1\n"}, {MOUNTS, V2("/docker/c1", "/cg")}, {"/cg/cpu.max", "150000 100000\n"}}},
    {"another container's mount",
     0,
     {{GROUP, "0::/docker/c1\n"}, {MOUNTS, V2("/docker/c10", "/cg")}, {"/cg/cpu.max", "150000 100000\n"}}},
    {"a group outside the namespace",
     0,
     {{GROUP, "0::/../other\n"}, {MOUNTS, V2("/", "/x/cg")}, {"/x/other/cpu.max", "100000 100000\n"}}},
    {"a mount point with a space",
     1,
     {{GROUP, "0::/\n"}, {MOUNTS, V2("/", "/c\\040g")}, {"/c g/cpu.max", "100000 100000\n"}}},
    {"version 1, no limit",
     0,
     {{GROUP, "4:cpu,cpuacct:/\n"},
      {MOUNTS, V1("/", "/cg/cpu", "cpu,cpuacct")},
      {"/cg/cpu/cpu.cfs_quota_us", "-1\n"},
      {"/cg/cpu/cpu.cfs_period_us", "100000\n"}}},
    {"version 1, a container",
     2,
     {{GROUP, "5:cpuset:/docker/c1\n4:cpuacct,cpu:/docker/c1\n1:name=systemd:/docker/c1\n"},
      {MOUNTS, V1("/docker/c1", "/cg/set", "cpuset") V1("/docker/c1", "/cg/cpu", "cpuacct,cpu")},
      {"/cg/cpu/cpu.cfs_quota_us", "110000\n"},
      {"/cg/cpu/cpu.cfs_period_us", "100000\n"},
      {"/cg/set/cpu.cfs_quota_us", "10000\n"},
      {"/cg/set/cpu.cfs_period_us", "100000\n"}}},
    {"version 1, a group above it",
     1,
     {{GROUP, "4:cpu:/a/b\n"},
      {MOUNTS, V1("/", "/cg/cpu", "cpu")},
      {"/cg/cpu/a/b/cpu.cfs_quota_us", "-1\n"},
      {"/cg/cpu/a/b/cpu.cfs_period_us", "100000\n"},
      {"/cg/cpu/a/cpu.cfs_quota_us", "100000\n"},
      {"/cg/cpu/a/cpu.cfs_period_us", "100000\n"}}},
    {"both versions",
     3,
     {{GROUP, "4:cpu:/a\n0::/a\n"},
      {MOUNTS, V2("/", "/cg/unified") V1("/", "/cg/cpu", "cpu")},
      {"/cg/cpu/a/cpu.cfs_quota_us", "300000\n"},
      {"/cg/cpu/a/cpu.cfs_period_us", "100000\n"},
      {"/cg/unified/a/cgroup.procs", "1\n"}}},
    {"lines cut off", 0, {{GROUP, "0\n0:\n:::\n"}, {MOUNTS, "30 23\n30 23 0:26 / /cg rw\n - \n1 2 3 4 5 - cgroup2\n"}}},
};

// Writes a file and the folders that it needs, or removes them: the same walk, from the other end.
static void write_file(const char *root, const char *name, const char *text) {
  char path[512];
  snprintf(path, sizeof path, "%s%s", root, name);
  for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
    *slash = 0;
    mkdir(path, 0700);
  }
  FILE *file = fopen(path, "w");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) check_abort("the test cannot write its files");
}

static void remove_file(const char *root, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s%s", root, name);
  for (unlink(path); strlen(path) > strlen(root); rmdir(path)) *strrchr(path, '/') = 0;
}

static void check_machine(const machine *m) {
  const char *folder = getenv("TMPDIR");
  char root[256];
  // mkdtemp puts a name of its own in place of the six letters.
  snprintf(root, sizeof root, "%s/rapt-quota-XXXXXX", folder != NULL ? folder : "/tmp");
  if (mkdtemp(root) == NULL) check_abort("the test cannot make a folder");
  check_set_case("quota_test: %s", m->name);
  for (int i = 0; i < FILES && m->files[i][0] != NULL; i++) write_file(root, m->files[i][0], m->files[i][1]);
  int32_t quota = rapt_quota_cpus(root), all = rapt_logical_cpus("/nowhere"), cpus = rapt_logical_cpus(root);
  CHECK(quota == m->cpus, "a quota of %d CPUs; expected %d", quota, m->cpus);
  int32_t expected = m->cpus == 0 || m->cpus > all ? all : m->cpus;
  CHECK(cpus == expected, "%d of %d logical CPUs; expected %d", cpus, all, expected);
  for (int i = 0; i < FILES && m->files[i][0] != NULL; i++) remove_file(root, m->files[i][0]);
  rmdir(root);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) check_machine(&machines[i]);
  check_set_case("%s", "");
  // What the library takes by default is what it reports.
  rapt_context *context = NULL;
  rapt_context_info info = {.struct_size = sizeof info};
  rapt_capabilities found = {.struct_size = sizeof found};
  CHECK(rapt_context_create(NULL, &context, NULL) == RAPT_OK, "no context by default");
  CHECK(rapt_context_get_info(context, &info, NULL) == RAPT_OK && rapt_get_capabilities(&found, NULL) == RAPT_OK &&
            info.threads == found.logical_cpus,
        "%d threads by default on %d logical CPUs", info.threads, found.logical_cpus);
  rapt_context_destroy(context);
  return check_finish("quota_test");
}

// SPDX-License-Identifier: Apache-2.0
// Where a quota stands (man 7 cgroups): /proc/self/cgroup names the process's group in each hierarchy, and
// /proc/self/mountinfo where a hierarchy, or a part of it, is mounted. In version 2 the group's file cpu.max holds
// quota and period; in version 1 the hierarchy of the controller "cpu" has a file for each.
#include "cpu/engine/quota.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A mounted hierarchy, in the words of mountinfo.
typedef struct hierarchy {
  int version;
  // The group that is visible at the mount point.
  const char *root;
  const char *point;
} hierarchy;

static FILE *open_under(const char *root, const char *path) {
  char name[PATH_MAX];
  int length = snprintf(name, sizeof name, "%s%s", root, path);
  return length < (int)sizeof name ? fopen(name, "re") : NULL;
}

// Whether a comma-separated list has the item.
static int lists(const char *list, const char *item) {
  size_t length = strlen(item);
  for (const char *at = list; at != NULL; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, item, length) == 0 && (at[length] == ',' || at[length] == 0)) return 1;
  }
  return 0;
}

// Spaces and the like stand in mountinfo as three octal digits behind a backslash.
static void decode(char *text) {
  char *to = text;
  for (const char *from = text; *from != 0; to++) {
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] != 0 && from[3] != 0) {
      *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = 0;
}

// Parses a line of mountinfo in place: number, parent, device, root, mount point, options, any number of tags, "-",
// type, source, options of the file system. Returns 0 where it mounts no hierarchy that limits CPU time.
static int parse_mount(char *line, hierarchy *out) {
  char *rest = line, *field[5];
  for (int i = 0; i < 5; i++) {
    field[i] = strsep(&rest, " ");
    if (rest == NULL) return 0;
  }
  char *behind = strstr(rest, " - ");
  if (behind == NULL) return 0;
  behind += 3;
  const char *type = strsep(&behind, " ");
  if (strsep(&behind, " ") == NULL || behind == NULL) return 0;
  behind[strcspn(behind, "\n")] = 0;
  out->version = strcmp(type, "cgroup2") == 0 ? 2 : strcmp(type, "cgroup") == 0 && lists(behind, "cpu") ? 1 : 0;
  decode(field[3]);
  decode(field[4]);
  out->root = field[3];
  out->point = field[4];
  return out->version != 0;
}

// The process's group in version 2's hierarchy, or in that of version 1's controller "cpu". Lines are
// number:controllers:path, and version 2's begins with "0::".
static int find_group(const char *root, int version, char group[PATH_MAX]) {
  FILE *file = open_under(root, "/proc/self/cgroup");
  if (file == NULL) return 0;
  char *line = NULL;
  size_t room = 0;
  int found = 0;
  while (!found && getline(&line, &room, file) > 0) {
    char *path = line, *number = strsep(&path, ":"), *controllers = strsep(&path, ":");
    if (path == NULL) continue;
    found = version == 2 ? strcmp(number, "0") == 0 && *controllers == 0 : lists(controllers, "cpu");
    path[strcspn(path, "\n")] = 0;
    if (found) found = snprintf(group, PATH_MAX, "%s", strcmp(path, "/") == 0 ? "" : path) < PATH_MAX;
  }
  free(line);
  fclose(file);
  return found;
}

// The group's path below the mount point, or NULL where it lies elsewhere: the mount then is another group's.
static const char *below(const char *group, const char *root) {
  size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
  int inside = strncmp(group, root, length) == 0 && (group[length] == '/' || group[length] == 0);
  return inside && strstr(group + length, "/..") == NULL ? group + length : NULL;
}

// Up to `count` numbers; returns how many there are. "max", which is no limit, is none.
static int read_numbers(const char *folder, const char *name, int count, long long *numbers) {
  FILE *file = open_under(folder, name);
  if (file == NULL) return 0;
  int found = 0;
  while (found < count && fscanf(file, "%lld", &numbers[found]) == 1) found++;
  fclose(file);
  return found;
}

static int32_t cpus_of(const char *folder, int version) {
  // Quota and period, in microseconds; version 1 says -1 for no quota.
  long long time[2];
  int found = version == 2 ? read_numbers(folder, "/cpu.max", 2, time)
                           : read_numbers(folder, "/cpu.cfs_quota_us", 1, &time[0]) +
                                 read_numbers(folder, "/cpu.cfs_period_us", 1, &time[1]);
  if (found < 2 || time[0] <= 0 || time[1] <= 0) return 0;
  long long cpus = time[0] / time[1] + (time[0] % time[1] != 0);
  return cpus < INT32_MAX ? (int32_t)cpus : INT32_MAX;
}

static int32_t least(int32_t a, int32_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

// From the group up to the one that is visible at the mount point.
static int32_t cpus_of_groups(const char *root, const hierarchy *mounted, const char *path) {
  char folder[PATH_MAX];
  size_t top = strlen(root) + strlen(mounted->point);
  if (snprintf(folder, sizeof folder, "%s%s%s", root, mounted->point, path) >= (int)sizeof folder) return 0;
  int32_t cpus = cpus_of(folder, mounted->version);
  while (strlen(folder) > top) {
    *strrchr(folder, '/') = 0;
    cpus = least(cpus, cpus_of(folder, mounted->version));
  }
  return cpus;
}

int32_t rapt_quota_cpus(const char *root) {
  FILE *file = open_under(root, "/proc/self/mountinfo");
  if (file == NULL) return 0;
  char *line = NULL, group[PATH_MAX];
  size_t room = 0;
  int32_t cpus = 0;
  while (getline(&line, &room, file) > 0) {
    hierarchy mounted;
    if (!parse_mount(line, &mounted) || !find_group(root, mounted.version, group)) continue;
    const char *path = below(group, mounted.root);
    if (path != NULL) cpus = least(cpus, cpus_of_groups(root, &mounted, path));
  }
  free(line);
  fclose(file);
  return cpus;
}

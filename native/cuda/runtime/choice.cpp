// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/choice.h"

#include <cstdio>

#include "call/operations.h"

namespace {

// Whether an item of the list is of this operation: its word alone, or followed by "_".
bool is_of(const char *item, const char *word) {
  size_t length = strlen(word);
  return strncmp(item, word, length) == 0 && (item[length] == 0 || item[length] == '_');
}

// "mha_prefill_f16" names the attention "sdpa_prefill_f16", and any projection.
void translate(int use, const char *item, char *out, size_t size) {
  if (use == RAPT_CUDA_MHA_SDPA) {
    snprintf(out, size, "sdpa%s", item + strlen("mha"));
  } else {
    snprintf(out, size, "%s", use == RAPT_CUDA_MHA_LINEAR ? "linear" : item);
  }
}

bool add(const rapt_cuda_names &names, const char *text, rapt_cuda_prefixes *list) {
  if (list->count == rapt_cuda_most_prefixes) return false;
  rapt_cuda_prefix *prefix = &list->of[list->count++];
  *prefix = {};
  snprintf(prefix->text, sizeof prefix->text, "%s", text);
  size_t length = strlen(prefix->text);
  for (int number = 0; number < names.stems; number++) {
    char stem[rapt_cuda_name_room];
    names.stem(number, stem, sizeof stem);
    size_t stem_length = strlen(stem);
    if (strncmp(stem, prefix->text, length < stem_length ? length : stem_length) != 0) continue;
    (length <= stem_length ? prefix->within : prefix->beyond) |= uint64_t{1} << number;
  }
  return true;
}

// Cuts "_split16" off the end of an item: how a plan splits keys is not the kernel's.
void cut_splits(char *item) {
  char *end = strstr(item, "_split");
  if (end != nullptr && strspn(end + strlen("_split"), "0123456789") == strlen(end + strlen("_split"))) *end = 0;
}

#define WORD(NUMBER, word) " " #word
rapt_status add_item(const char *item, rapt_cuda_choice *out, rapt_error *error) {
  bool all = strcmp(item, "all") == 0, known = all;
  for (int u = 0; u < RAPT_CUDA_USES; u++) {
    if (!all && !is_of(item, rapt_cuda_uses[u].word)) continue;
    known = true;
    char text[rapt_cuda_name_room];
    translate(u, all ? rapt_cuda_uses[u].word : item, text, sizeof text);
    if (!add(*rapt_cuda_uses[u].names, text, &out->named[u])) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "the environment variable RAPT_KERNEL has more than %d names that begin with %s",
                       rapt_cuda_most_prefixes, rapt_cuda_uses[u].word);
    }
  }
  if (known) return RAPT_OK;
  return rapt_fail(
      error, RAPT_INVALID_ARGUMENT,
      "the environment variable RAPT_KERNEL names %s, which is no operation's kernel; allowed: all, and names "
      "that begin with one of these words:" RAPT_EACH_OPERATION(WORD),
      item);
}

}  // namespace

rapt_status rapt_cuda_choice_make(const char *list, rapt_cuda_choice *out, rapt_error *error) {
  *out = rapt_cuda_choice();
  while (list != nullptr && *list != 0) {
    // One less than a plan's name has room for: "sdpa" is a letter longer than "mha".
    char item[rapt_cuda_name_room - 1];
    size_t length = strcspn(list, ",");
    if (length >= sizeof item) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "the environment variable RAPT_KERNEL has a name of %zu characters, which begins with %.40s; "
                       "allowed: at most %zu",
                       length, list, sizeof item - 1);
    }
    memcpy(item, list, length);
    item[length] = 0;
    cut_splits(item);
    list += length + (list[length] == ',');
    if (length > 0) RAPT_CHECK(add_item(item, out, error));
  }
  return RAPT_OK;
}

rapt_cuda_properties rapt_cuda_properties_of(const driver_description &device) {
  return {device.multiprocessors, device.shared_per_block_optin};
}

void rapt_cuda_say_failed(rapt_cuda_remark what, const char *name, const char *why, rapt_needs *needs) {
  char *to = what == RAPT_CUDA_NONE_LEFT ? needs->reason : needs->remark;
  const char *then = what == RAPT_CUDA_NONE_LEFT  ? ", and no other kernel is left"
                     : what == RAPT_CUDA_LEFT_OUT ? " and is left out"
                                                  : " and runs because RAPT_KERNEL names it";
  snprintf(to, sizeof needs->reason, "%.90s failed its self-check on this GPU%s: %s", name, then, why);
}

// SPDX-License-Identifier: Apache-2.0
#include "emulated/break.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <mutex>
#include <set>
#include <string>

#include "emulated/collective.h"
#include "emulated/host.h"

namespace gpu {

__thread broken_word host_broken = broken_word::none;

namespace {

constexpr int illegal_address = 700;
constexpr int devices_unavailable = 46;

struct spoiled_contexts {
  std::mutex mutex;
  std::set<const void *> of;
  // What every other context of the process reports, 0 = nothing.
  int others = 0;
};

// Never destroyed: threads may still launch while the process ends.
spoiled_contexts &spoiled() {
  static spoiled_contexts *instance = new spoiled_contexts;
  return *instance;
}

broken_word word_of(const std::string &name) {
  static const struct {
    const char *name;
    broken_word word;
  } words[] = {{"shuffle", broken_word::shuffle},
               {"load", broken_word::load},
               {"load_transposed", broken_word::load_transposed},
               {"multiply_f16", broken_word::multiply_f16},
               {"multiply_bf16", broken_word::multiply_bf16},
               {"copy", broken_word::copy},
               {"exponential", broken_word::exponential},
               {"fault", broken_word::fault},
               {"fatal", broken_word::fault},
               {"last", broken_word::fault}};
  for (const auto &entry : words) {
    if (name == entry.name) return entry.word;
  }
  host_fail("RAPT_EMULATED_BREAK names no word");
}

// "void kernels::attention_mma<kernels::mma_tiles<gpu::f16, 64, ...> >(kernels::sdpa_parameters)"; of the emulated
// plug-in's kernels only, whose symbols are exported.
std::string name_of(const void *kernel) {
  Dl_info info;
  if (dladdr(kernel, &info) == 0 || info.dli_sname == nullptr) return "";
  int status = 0;
  char *text = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
  std::string name = text != nullptr ? text : info.dli_sname;
  free(text);
  return name;
}

}  // namespace

int error_of_context(const void *context) {
  spoiled_contexts &s = spoiled();
  std::lock_guard<std::mutex> lock(s.mutex);
  return s.of.count(context) > 0 ? illegal_address : s.others;
}

void forget_context(const void *context) {
  spoiled_contexts &s = spoiled();
  std::lock_guard<std::mutex> lock(s.mutex);
  s.of.erase(context);
}

int begin_kernel(const void *kernel) {
  host_broken = broken_word::none;
  int error = error_of_context(host_context);
  const char *text = getenv("RAPT_EMULATED_BREAK");
  if (error != 0 || text == nullptr || *text == 0) return error;
  std::string word = text, part;
  size_t at = word.find('@');
  if (at != std::string::npos) {
    part = word.substr(at + 1);
    word.erase(at);
  }
  if (name_of(kernel).find(part) == std::string::npos) return 0;
  host_broken = word_of(word);
  if (host_broken != broken_word::fault) return 0;
  spoiled_contexts &s = spoiled();
  std::lock_guard<std::mutex> lock(s.mutex);
  s.of.insert(host_context);
  if (word != "fault") s.others = word == "fatal" ? illegal_address : devices_unavailable;
  return 0;
}

}  // namespace gpu

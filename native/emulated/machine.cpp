// SPDX-License-Identifier: Apache-2.0
#include "emulated/machine.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

namespace emulated {

namespace {

thread_local std::vector<context *> stack;

// Kernels are prepared for a context, and launched in one.
void tell_kernels() { gpu::host_context = current(); }

}  // namespace

int64_t setting(const char *name, int64_t otherwise) {
  const char *text = getenv(name);
  return text == nullptr || *text == 0 ? otherwise : strtoll(text, nullptr, 10);
}

int devices() { return static_cast<int>(setting("RAPT_EMULATED_DEVICES", 1)); }

context *primary_context(int ordinal) {
  // Never destroyed: threads may still use them while the process ends.
  static std::mutex *mutex = new std::mutex;
  static std::map<int, context *> *all = new std::map<int, context *>;
  std::lock_guard<std::mutex> lock(*mutex);
  context *&found = (*all)[ordinal];
  if (found == nullptr) found = new context{ordinal};
  return found;
}

context *current() { return stack.empty() ? nullptr : stack.back(); }

void push(context *c) {
  stack.push_back(c);
  tell_kernels();
}

context *pop() {
  context *top = current();
  if (top != nullptr) stack.pop_back();
  tell_kernels();
  return top;
}

void set_current(context *c) {
  pop();
  if (c != nullptr) push(c);
  tell_kernels();
}

void check_owner(const char *what, const void *owner) {
  if (owner != nullptr && owner == current()) return;
  fprintf(stderr, "emulated device: %s of context %p while %p is current\n", what, owner,
          static_cast<const void *>(current()));
  abort();
}

stream *create_stream() {
  stream *s = new stream();
  s->context = current();
  return s;
}

}  // namespace emulated

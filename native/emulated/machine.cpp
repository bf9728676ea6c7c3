// SPDX-License-Identifier: Apache-2.0
#include "emulated/machine.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "cuda/runtime/driver.h"

namespace emulated {

namespace {

thread_local std::vector<context *> stack;
thread_local int thread_mode = GLOBAL_MODE;

// The streams that are being captured, and all.
struct capture_table {
  std::mutex mutex;
  std::set<stream *> streams;
  std::set<const stream *> alive;
};

// Never destroyed: threads may still use it while the process ends.
capture_table &table() {
  static capture_table *instance = new capture_table;
  return *instance;
}

// Whether the thread's mode forbids unsafe calls because of this capture.
bool forbids(const stream *s) {
  bool own = s->thread == std::this_thread::get_id();
  if (thread_mode == RELAXED_MODE) return false;
  if (own) return s->mode != RELAXED_MODE;
  return thread_mode == GLOBAL_MODE && s->mode == GLOBAL_MODE;
}

// Runs what a stream holds; whoever else waits for the stream waits for that.
void run_functions(stream *s) {
  std::lock_guard<std::mutex> alone(s->running);
  std::vector<std::pair<void (*)(void *), void *>> functions;
  {
    std::lock_guard<std::mutex> lock(table().mutex);
    functions.swap(s->functions);
  }
  for (const auto &f : functions) f.first(f.second);
}

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

context *create_context(int ordinal) { return new context{ordinal}; }

void destroy_context(context *c) {
  gpu::forget_kernels(c);
  gpu::forget_context(c);
  delete c;
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

stream *create_stream(bool ordered) {
  stream *s = new stream();
  s->context = current();
  s->ordered = ordered;
  std::lock_guard<std::mutex> lock(table().mutex);
  table().alive.insert(s);
  return s;
}

void destroy_stream(stream *s) {
  std::lock_guard<std::mutex> lock(table().mutex);
  table().streams.erase(s);
  table().alive.erase(s);
  delete s;
}

bool captures(const stream *s) {
  std::lock_guard<std::mutex> lock(table().mutex);
  return s != nullptr && s->captures;
}

int begin_capture(stream *s, int mode) {
  std::lock_guard<std::mutex> lock(table().mutex);
  if (s->captures) return DRIVER_INVALID_VALUE;
  s->captures = true;
  s->mode = mode;
  s->thread = std::this_thread::get_id();
  s->broken = false;
  table().streams.insert(s);
  return 0;
}

int end_capture(stream *s) {
  std::lock_guard<std::mutex> lock(table().mutex);
  if (!s->captures) return DRIVER_INVALID_VALUE;
  s->captures = false;
  table().streams.erase(s);
  return s->broken ? CAPTURE_INVALIDATED : 0;
}

int exchange_mode(int mode) {
  int before = thread_mode;
  thread_mode = mode;
  return before;
}

int unsafe_call() {
  int code = 0;
  std::lock_guard<std::mutex> lock(table().mutex);
  for (stream *s : table().streams) {
    if (!forbids(s)) continue;
    s->broken = true;
    code = CAPTURE_UNSUPPORTED;
  }
  return code;
}

int wait_call(stream *waited) {
  int code = unsafe_call();
  if (waited == nullptr) return code != 0 ? code : default_call();
  {
    std::lock_guard<std::mutex> lock(table().mutex);
    if (waited->captures) {
      waited->broken = true;
      return CAPTURE_UNSUPPORTED;
    }
  }
  if (code == 0) run_functions(waited);
  return code;
}

int wait_for_recorded(stream *s) {
  int code = unsafe_call();
  if (code != 0) return code;
  {
    std::lock_guard<std::mutex> lock(table().mutex);
    if (table().alive.count(s) == 0) return 0;
  }
  run_functions(s);
  return 0;
}

bool default_is_held() {
  std::lock_guard<std::mutex> lock(table().mutex);
  for (const stream *s : table().streams) {
    if (s->ordered && s->context == current()) return true;
  }
  return false;
}

int default_call() {
  int code = 0;
  std::lock_guard<std::mutex> lock(table().mutex);
  for (stream *s : table().streams) {
    if (!s->ordered || s->context != current()) continue;
    s->broken = true;
    code = DRIVER_CAPTURE_IMPLICIT;
  }
  return code;
}

void enqueue_host(stream *s, void (*function)(void *), void *argument) {
  std::lock_guard<std::mutex> lock(table().mutex);
  s->functions.emplace_back(function, argument);
}

}  // namespace emulated

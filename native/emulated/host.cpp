// SPDX-License-Identifier: Apache-2.0
// Schedules the fibers of a block.
#include "emulated/host.h"

#include <stdio.h>
#include <stdlib.h>

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "emulated/collective.h"
#include "emulated/fiber.h"

#if defined(RAPT_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace gpu {

__thread host_position host_at;
__thread const void *host_context;

void host_fail(const char *what) {
  fprintf(stderr, "kernel on the host: %s (block %lld, thread %d)\n", what, static_cast<long long>(host_at.block),
          host_at.thread);
  abort();
}

void stop() { host_fail("a kernel that is not for this GPU"); }

namespace {

constexpr int warp_threads = 32;
// A kernel's frames are small, but under the sanitizers they grow.
constexpr size_t stack_bytes = 256 * 1024;

enum class thread_state { ready, at_warp, at_barrier, done };

// A synchronization point for ThreadSanitizer; otherwise it does nothing.
struct moment {
  // All that this thread did so far happens before the point.
  void reach() {
#if defined(RAPT_THREAD_SANITIZER)
    __tsan_release(this);
#endif
  }
  // All that this thread does from here on happens after the point.
  void pass() {
#if defined(RAPT_THREAD_SANITIZER)
    __tsan_acquire(this);
#endif
  }
  char place;
};

// The barriers of a block or a warp, one after the other. Two moments alternate: a thread that still leaves one barrier
// must not be ordered after what others do before the next.
struct barriers {
  moment moments[2];
  unsigned count = 0;
};

struct runner;

struct host_thread {
  fiber stack;
  runner *owner;
  int index;
  thread_state state;
  warp_request *request;
  bool vote;
  // Copies in order, and how many of them each closed group holds.
  std::vector<host_copy> copies;
  std::vector<size_t> groups;
  size_t open;
};

uint64_t first_draw() {
  const char *text = getenv("RAPT_EMULATED_SCHEDULE");
  return text == nullptr ? 1 : strtoull(text, nullptr, 10);
}

// The threads of a block, kept from launch to launch.
struct runner {
  std::vector<std::unique_ptr<host_thread>> threads;
  void (*body)(const void *) = nullptr;
  const void *argument = nullptr;
  bool any = false;
  moment begun, ended;
  barriers block;
  barriers warps[32];
  uint64_t draws = first_draw();

  // A number below `count`: SplitMix64 (Steele, Lea and Flood 2014).
  int draw(int count) {
    uint64_t z = draws += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<int>((z ^ (z >> 31)) % static_cast<uint64_t>(count));
  }

  ~runner() {
    for (auto &thread : threads) fiber_destroy(&thread->stack);
  }
};

thread_local runner host_runner;
thread_local host_thread *host_now;

void wait_here(thread_state state) {
  host_thread *thread = host_now;
  thread->state = state;
  fiber_suspend(&thread->stack);
}

// Waits as a barrier does; the scheduler counts the barriers when all have arrived.
void wait_at(thread_state state, barriers *at) {
  moment *here = &at->moments[at->count % 2];
  here->reach();
  wait_here(state);
  here->pass();
}

void thread_body(void *argument) {
  host_thread *thread = static_cast<host_thread *>(argument);
  for (;;) {
    thread->owner->begun.pass();
    thread->owner->body(thread->owner->argument);
    if (!thread->copies.empty()) host_fail("a kernel that ends with copies under way");
    thread->owner->ended.reach();
    wait_here(thread_state::done);
  }
}

void make_threads(runner *r, int count) {
  while (static_cast<int>(r->threads.size()) < count) {
    auto thread = std::make_unique<host_thread>();
    thread->owner = r;
    thread->index = static_cast<int>(r->threads.size());
    if (!fiber_create(&thread->stack, stack_bytes, thread_body, thread.get())) host_fail("no memory for its stacks");
    r->threads.push_back(std::move(thread));
  }
}

void resume(host_thread *thread) {
  host_now = thread;
  host_at.thread = thread->index;
  fiber_resume(&thread->stack);
}

int count_in(const runner &r, int first, int count, thread_state state) {
  int found = 0;
  for (int i = first; i < first + count; i++) found += r.threads[i]->state == state;
  return found;
}

// Runs each ready thread of a warp until it waits, beginning at a drawn thread, in a drawn direction.
void run_threads(runner *r, int first) {
  int start = r->draw(2 * warp_threads), step = start < warp_threads ? 1 : warp_threads - 1;
  for (int i = 0; i < warp_threads; i++) {
    host_thread *thread = r->threads[first + (start + i * step) % warp_threads].get();
    if (thread->state == thread_state::ready) resume(thread);
  }
}

// Runs a warp up to its next collective and carries that out; false where its threads are at a barrier or done.
bool step_warp(runner *r, int first) {
  run_threads(r, first);
  int waiting = count_in(*r, first, warp_threads, thread_state::at_warp);
  if (waiting == 0) return false;
  if (waiting != warp_threads) host_fail("not every thread of the warp takes part in a collective");
  warp_request *requests[warp_threads];
  for (int i = 0; i < warp_threads; i++) requests[i] = r->threads[first + i]->request;
  carry_out(requests);
  if (requests[0]->operation == warp_operation::barrier) r->warps[first / warp_threads].count++;
  for (int i = 0; i < warp_threads; i++) r->threads[first + i]->state = thread_state::ready;
  return true;
}

// Runs all warps to their next barrier: one after the other, or in turns from collective to collective.
void run_warps(runner *r, int warps) {
  int order[32], left = warps;
  for (int w = 0; w < warps; w++) order[w] = w;
  bool turns = r->draw(2) == 0;
  while (left > 0) {
    int at = r->draw(left), warp = order[at];
    bool more = step_warp(r, warp * warp_threads);
    while (more && !turns) more = step_warp(r, warp * warp_threads);
    if (!more) order[at] = order[--left];
  }
}

void run_block(runner *r, int count) {
  for (int i = 0; i < count; i++) {
    r->threads[i]->state = thread_state::ready;
    r->threads[i]->copies.clear();
    r->threads[i]->groups.clear();
    r->threads[i]->open = 0;
  }
  r->begun.reach();
  for (;;) {
    run_warps(r, count / warp_threads);
    if (count_in(*r, 0, count, thread_state::done) == count) break;
    if (count_in(*r, 0, count, thread_state::at_barrier) != count) host_fail("a barrier that not every thread meets");
    r->any = false;
    for (int i = 0; i < count; i++) r->any |= r->threads[i]->vote;
    r->block.count++;
    for (int i = 0; i < count; i++) r->threads[i]->state = thread_state::ready;
  }
  r->ended.pass();
}

struct kernel_table {
  std::mutex mutex;
  // By context and kernel.
  std::map<std::pair<const void *, const void *>, int64_t> shared;
};

// Never destroyed: threads may still launch while the process ends.
kernel_table &kernels_of_host() {
  static kernel_table *instance = new kernel_table;
  return *instance;
}

}  // namespace

void remember_kernel(const void *kernel, int64_t shared_bytes) {
  kernel_table &table = kernels_of_host();
  std::lock_guard<std::mutex> lock(table.mutex);
  int64_t &most = table.shared[{host_context, kernel}];
  if (shared_bytes > most) most = shared_bytes;
}

void forget_kernels(const void *context) {
  kernel_table &table = kernels_of_host();
  std::lock_guard<std::mutex> lock(table.mutex);
  auto first = table.shared.lower_bound({context, nullptr}), last = first;
  while (last != table.shared.end() && last->first.first == context) ++last;
  table.shared.erase(first, last);
}

void check_kernel(const void *kernel, int64_t shared_bytes, gpu_stream stream) {
  if (stream != nullptr && reinterpret_cast<const host_stream *>(stream)->context != host_context) {
    host_fail("a kernel was launched on another context's stream");
  }
  kernel_table &table = kernels_of_host();
  std::lock_guard<std::mutex> lock(table.mutex);
  auto entry = table.shared.find({host_context, kernel});
  if (entry == table.shared.end()) host_fail("a kernel was launched that nobody has prepared in this context");
  if (entry->second < shared_bytes) host_fail("a kernel was launched with more shared memory than it asked for");
}

void barrier() { barrier_any(false); }

bool barrier_any(bool x) {
  host_now->vote = x;
  wait_at(thread_state::at_barrier, &host_runner.block);
  return host_runner.any;
}

void warp_collective(warp_request *request) {
  host_now->request = request;
  // Of the collectives only the barrier orders memory.
  if (request->operation == warp_operation::barrier) {
    wait_at(thread_state::at_warp, &host_runner.warps[warp()]);
  } else {
    wait_here(thread_state::at_warp);
  }
}

void enqueue_copy(const host_copy &copy) {
  bool aligned = (reinterpret_cast<uintptr_t>(copy.to) & 15) == 0;
  if (copy.valid) aligned = aligned && (reinterpret_cast<uintptr_t>(copy.from) & 15) == 0;
  if (!aligned) host_fail("a copy that is not aligned to 16 bytes");
  host_now->copies.push_back(copy);
  host_now->open++;
}

void commit() {
  host_now->groups.push_back(host_now->open);
  host_now->open = 0;
}

bool next_landing(int open_groups, host_copy *copy) {
  host_thread *thread = host_now;
  while (static_cast<int>(thread->groups.size()) > open_groups) {
    if (thread->groups.front() > 0) {
      thread->groups.front()--;
      *copy = thread->copies.front();
      thread->copies.erase(thread->copies.begin());
      return true;
    }
    thread->groups.erase(thread->groups.begin());
  }
  return false;
}

void run_grid(int64_t blocks, int threads, int64_t shared_bytes, void (*body)(const void *), const void *argument) {
  if (threads <= 0 || threads > 1024 || threads % warp_threads != 0) host_fail("a block is 1 to 32 whole warps");
  runner *r = &host_runner;
  make_threads(r, threads);
  r->body = body;
  r->argument = argument;
  host_at.blocks = blocks;
  for (int64_t b = 0; b < blocks; b++) {
    // Each block has an allocation of its own, so that AddressSanitizer sees where it ends.
    void *shared = nullptr;
    if (posix_memalign(&shared, 128, static_cast<size_t>(shared_bytes > 0 ? shared_bytes : 1)) != 0) {
      host_fail("no memory for its shared memory");
    }
    memset(shared, 0xff, static_cast<size_t>(shared_bytes));
    host_at.block = b;
    host_at.shared = static_cast<unsigned char *>(shared);
    run_block(r, threads);
    free(shared);
  }
}

}  // namespace gpu

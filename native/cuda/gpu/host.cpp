// SPDX-License-Identifier: Apache-2.0
// Schedules the fibers of a block.
#include "cuda/gpu/host.h"

#include <stdio.h>
#include <stdlib.h>

#include <memory>
#include <vector>

#include "cuda/gpu/collective.h"
#include "cuda/gpu/fiber.h"

namespace gpu {

__thread host_position host_at;

void host_fail(const char *what) {
  fprintf(stderr, "kernel on the host: %s (block %lld, thread %d)\n", what, static_cast<long long>(host_at.block),
          host_at.thread);
  abort();
}

namespace {

constexpr int warp_threads = 32;
// A thread's frames are small; the sanitizers' are not.
constexpr size_t stack_bytes = 256 * 1024;

enum class thread_state { ready, at_warp, at_barrier, done };

struct copy {
  void *to;
  const void *from;
  bool valid;
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
  std::vector<copy> copies;
  std::vector<size_t> groups;
  size_t open;
};

// The threads of a block, kept from launch to launch.
struct runner {
  std::vector<std::unique_ptr<host_thread>> threads;
  void (*body)(const void *) = nullptr;
  const void *argument = nullptr;
  bool any = false;
  bool backwards = false;

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

void thread_body(void *argument) {
  host_thread *thread = static_cast<host_thread *>(argument);
  for (;;) {
    thread->owner->body(thread->owner->argument);
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

// Runs a warp until all its threads are at a barrier or done.
void run_warp(runner *r, int first) {
  for (;;) {
    for (int i = 0; i < warp_threads; i++) {
      host_thread *thread = r->threads[first + (r->backwards ? warp_threads - 1 - i : i)].get();
      if (thread->state == thread_state::ready) resume(thread);
    }
    r->backwards = !r->backwards;
    int waiting = count_in(*r, first, warp_threads, thread_state::at_warp);
    if (waiting == 0) return;
    if (waiting != warp_threads) host_fail("not every thread of the warp takes part in a collective");
    warp_request *requests[warp_threads];
    for (int i = 0; i < warp_threads; i++) requests[i] = r->threads[first + i]->request;
    carry_out(requests);
    for (int i = 0; i < warp_threads; i++) r->threads[first + i]->state = thread_state::ready;
  }
}

void run_block(runner *r, int count) {
  for (int i = 0; i < count; i++) {
    r->threads[i]->state = thread_state::ready;
    r->threads[i]->copies.clear();
    r->threads[i]->groups.clear();
    r->threads[i]->open = 0;
  }
  for (int turn = 0;; turn++) {
    int warps = count / warp_threads;
    for (int w = 0; w < warps; w++) run_warp(r, (turn % 2 == 0 ? w : warps - 1 - w) * warp_threads);
    if (count_in(*r, 0, count, thread_state::done) == count) return;
    if (count_in(*r, 0, count, thread_state::at_barrier) != count) host_fail("a barrier that not every thread meets");
    r->any = false;
    for (int i = 0; i < count; i++) r->any |= r->threads[i]->vote;
    for (int i = 0; i < count; i++) r->threads[i]->state = thread_state::ready;
  }
}

}  // namespace

void barrier() { barrier_any(false); }

bool barrier_any(bool x) {
  host_now->vote = x;
  wait_here(thread_state::at_barrier);
  return host_runner.any;
}

void warp_collective(warp_request *request) {
  host_now->request = request;
  wait_here(thread_state::at_warp);
}

void copy16(void *to, const void *from, bool valid) {
  if ((reinterpret_cast<uintptr_t>(to) & 15) != 0 || (valid && (reinterpret_cast<uintptr_t>(from) & 15) != 0)) {
    host_fail("a copy that is not aligned to 16 bytes");
  }
  host_now->copies.push_back({to, from, valid});
  host_now->open++;
  // Until it lands, what was there before is not what will be there.
  memset(to, 0xff, 16);
}

void commit() {
  host_now->groups.push_back(host_now->open);
  host_now->open = 0;
}

void wait_for(int open_groups) {
  host_thread *thread = host_now;
  while (static_cast<int>(thread->groups.size()) > open_groups) {
    size_t count = thread->groups.front();
    for (size_t i = 0; i < count; i++) {
      const copy &c = thread->copies[i];
      if (c.valid) {
        memcpy(c.to, c.from, 16);
      } else {
        memset(c.to, 0, 16);
      }
    }
    thread->copies.erase(thread->copies.begin(), thread->copies.begin() + static_cast<std::ptrdiff_t>(count));
    thread->groups.erase(thread->groups.begin());
  }
}

void run_grid(int64_t blocks, int threads, int64_t shared_bytes, void (*body)(const void *), const void *argument) {
  if (threads <= 0 || threads > 1024 || threads % warp_threads != 0) host_fail("a block is 1 to 32 whole warps");
  runner *r = &host_runner;
  make_threads(r, threads);
  r->body = body;
  r->argument = argument;
  host_at.blocks = blocks;
  for (int64_t b = 0; b < blocks; b++) {
    // Memory of its own for each block, so that an AddressSanitizer sees where it ends.
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

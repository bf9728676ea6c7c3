// SPDX-License-Identifier: Apache-2.0
#include "emulated/fiber.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#if !defined(__x86_64__)
#error "the switch between fibers is written for x86-64"
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
// RAPT_THREAD_SANITIZER: the program is checked by ThreadSanitizer, this file is not.
#if defined(RAPT_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

// Saves what a call must preserve on the current stack, leaves the stack pointer in *save and goes on at `to`.
extern "C" void rapt_fiber_switch(void **save, void *to);
asm(".pushsection .text\n"
    ".globl rapt_fiber_switch\n"
    ".hidden rapt_fiber_switch\n"
    ".type rapt_fiber_switch, @function\n"
    "rapt_fiber_switch:\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  ret\n"
    ".size rapt_fiber_switch, .-rapt_fiber_switch\n"
    ".popsection\n");

namespace gpu {

namespace {

constexpr size_t page = 4096;

// The first function on a fiber's stack: the switch "returns" to it, with the fiber in a saved register.
extern "C" void rapt_fiber_begin(fiber *f) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &f->caller_stack, &f->caller_size);
#endif
  f->body(f->argument);
}

extern "C" void rapt_fiber_entry();
asm(".pushsection .text\n"
    ".hidden rapt_fiber_entry\n"
    ".globl rapt_fiber_entry\n"
    ".type rapt_fiber_entry, @function\n"
    "rapt_fiber_entry:\n"
    "  movq %r12, %rdi\n"
    "  call *%r13\n"
    "  ud2\n"
    ".size rapt_fiber_entry, .-rapt_fiber_entry\n"
    ".popsection\n");

}  // namespace

int fiber_create(fiber *f, size_t stack_bytes, void (*body)(void *), void *argument) {
  *f = fiber{};
  f->size = (stack_bytes + page - 1) / page * page;
  // A guard page below the stack: an overflow faults instead of writing into the next stack.
  void *memory =
      mmap(nullptr, f->size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return 0;
  if (mprotect(memory, page, PROT_NONE) != 0) {
    munmap(memory, f->size + page);
    return 0;
  }
  f->stack = static_cast<unsigned char *>(memory) + page;
  f->body = body;
  f->argument = argument;
  // What rapt_fiber_switch pops: r15, r14, r13, r12, rbx, rbp, then where to return to. The call in rapt_fiber_entry
  // then finds the stack aligned to 16 bytes.
  void **top = reinterpret_cast<void **>(f->stack + f->size) - 9;
  memset(top, 0, 9 * sizeof *top);
  top[2] = reinterpret_cast<void *>(&rapt_fiber_begin);
  top[3] = f;
  top[6] = reinterpret_cast<void *>(&rapt_fiber_entry);
  f->stack_pointer = top;
#if defined(RAPT_THREAD_SANITIZER)
  f->thread_fiber = __tsan_create_fiber(0);
#endif
  return 1;
}

void fiber_destroy(fiber *f) {
  if (f->stack == nullptr) return;
#if defined(RAPT_THREAD_SANITIZER)
  __tsan_destroy_fiber(f->thread_fiber);
#endif
  munmap(f->stack - page, f->size + page);
  f->stack = nullptr;
}

void fiber_resume(fiber *f) {
#if defined(RAPT_THREAD_SANITIZER)
  f->caller_thread_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(f->thread_fiber, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&f->caller_fake_stack, f->stack, f->size);
#endif
  rapt_fiber_switch(&f->caller_stack_pointer, f->stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(f->caller_fake_stack, nullptr, nullptr);
#endif
}

void fiber_suspend(fiber *f) {
#if defined(RAPT_THREAD_SANITIZER)
  __tsan_switch_to_fiber(f->caller_thread_fiber, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&f->fake_stack, f->caller_stack, f->caller_size);
#endif
  rapt_fiber_switch(&f->stack_pointer, f->caller_stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(f->fake_stack, &f->caller_stack, &f->caller_size);
#endif
}

}  // namespace gpu

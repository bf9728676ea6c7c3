// SPDX-License-Identifier: Apache-2.0
// The driver in host memory, for tests: a device is a count of bytes and a table of blocks. Work runs when it is
// enqueued, on the calling thread. Environment variables describe the machine:
//   RAPT_EMULATED_DEVICES   how many devices there are (1)
//   RAPT_EMULATED_MEMORY    bytes of each device (1 GiB)
//   RAPT_EMULATED_DRIVER    "none", "old", "turing" (a device that is too old), "ada" (with less shared memory),
//                           "hopper" (with more of it) or "hmm" (the device reads the whole process's memory); anything
//                           else is a good driver
//   RAPT_EMULATED_VERSION   the driver's version (13000)
//   RAPT_EMULATED_SERIAL    a number that devices' own numbers differ by from other machines' (0)
//   RAPT_EMULATED_BREAK     what is wrong with its instructions or kernels, see break.h
//   RAPT_EMULATED_FAULT     a cudaError_t that every copy and wait reports from now on, as a lost device does
// Graph captures are begun by the driver's own interface (api.cpp). A call that CUDA forbids then, on whatever thread,
// is refused, and the capture ends with an error.
#include "cuda/runtime/driver.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "emulated/machine.h"

using namespace emulated;

namespace {

constexpr int NEEDED_VERSION = 13000;
// The alignment that cudaMalloc guarantees.
constexpr size_t ALIGNMENT = 256;

struct block {
  size_t bytes;
  // -1: pinned host memory.
  int ordinal;
  // The device memory's.
  context *owner;
};

struct memory_table {
  std::mutex mutex;
  std::map<uintptr_t, block> blocks;
};

struct emulated_event {
  const context *owner;
  std::chrono::steady_clock::time_point time;
  // Where it was recorded, NULL for the default stream and before; and whether within a capture.
  stream *recorded;
  bool captured;
};

// Never destroyed: threads may still free memory while the process ends.
memory_table &table() {
  static memory_table *instance = new memory_table;
  return *instance;
}

bool driver_is(const char *kind) {
  const char *text = getenv("RAPT_EMULATED_DRIVER");
  return text != nullptr && strcmp(text, kind) == 0;
}

// The default stream is whatever context's is current.
void check_stream(driver_stream given) {
  const void *owner = given == nullptr ? current() : static_cast<const stream *>(given)->context;
  check_owner("a stream", owner);
}

void check_event(driver_event event) { check_owner("an event", static_cast<const emulated_event *>(event)->owner); }

// What every copy and wait reports in the current context.
driver_code fault() {
  int spoiled = gpu::error_of_context(current());
  return spoiled != 0 ? spoiled : static_cast<driver_code>(setting("RAPT_EMULATED_FAULT", DRIVER_SUCCESS));
}

size_t used_bytes(const memory_table &memory, int ordinal) {
  size_t used = 0;
  for (const auto &entry : memory.blocks) used += entry.second.ordinal == ordinal ? entry.second.bytes : 0;
  return used;
}

driver_code take(size_t bytes, int ordinal, void **out) {
  check_owner("an allocation", current());
  *out = nullptr;
  int refused = unsafe_call();
  if (refused == DRIVER_SUCCESS) refused = gpu::error_of_context(current());
  if (refused != DRIVER_SUCCESS) return refused;
  memory_table &memory = table();
  std::lock_guard<std::mutex> lock(memory.mutex);
  size_t total = static_cast<size_t>(setting("RAPT_EMULATED_MEMORY", INT64_C(1) << 30));
  if (bytes > total || (ordinal >= 0 && used_bytes(memory, ordinal) > total - bytes)) return DRIVER_OUT_OF_MEMORY;
  if (posix_memalign(out, ALIGNMENT, bytes) != 0) return DRIVER_OUT_OF_MEMORY;
  // Memory of a GPU holds anything at first; this is a NaN in every type.
  memset(*out, 0xFF, bytes);
  memory.blocks[reinterpret_cast<uintptr_t>(*out)] = {bytes, ordinal, current()};
  return DRIVER_SUCCESS;
}

driver_code give_back(void *pointer, bool pinned) {
  int refused = unsafe_call();
  if (refused != DRIVER_SUCCESS) return refused;
  memory_table &memory = table();
  std::lock_guard<std::mutex> lock(memory.mutex);
  auto entry = memory.blocks.find(reinterpret_cast<uintptr_t>(pointer));
  if (entry == memory.blocks.end() || (entry->second.ordinal < 0) != pinned) return DRIVER_INVALID_VALUE;
  if (!pinned) check_owner("memory", entry->second.owner);
  memory.blocks.erase(entry);
  free(pointer);
  return DRIVER_SUCCESS;
}

}  // namespace

const char *driver_code_name(driver_code code) {
  switch (code) {
    case DRIVER_SUCCESS:
      return "cudaSuccess";
    case DRIVER_INVALID_VALUE:
      return "cudaErrorInvalidValue";
    case DRIVER_OUT_OF_MEMORY:
      return "cudaErrorMemoryAllocation";
    case DRIVER_INSUFFICIENT:
      return "cudaErrorInsufficientDriver";
    case DRIVER_NO_DEVICE:
      return "cudaErrorNoDevice";
    case INVALID_DEVICE:
      return "cudaErrorInvalidDevice";
    case ILLEGAL_ADDRESS:
      return "cudaErrorIllegalAddress";
    case LAUNCH_FAILURE:
      return "cudaErrorLaunchFailure";
    default:
      return "cudaErrorUnknown";
  }
}

const char *driver_code_text(driver_code code) { return code == DRIVER_OUT_OF_MEMORY ? "out of memory" : "emulated"; }

void driver_forget_failure() {}

driver_code driver_version(int *installed, int *needed) {
  *needed = NEEDED_VERSION;
  *installed = driver_is("none")  ? 0
               : driver_is("old") ? 11040
                                  : static_cast<int>(setting("RAPT_EMULATED_VERSION", NEEDED_VERSION));
  return DRIVER_SUCCESS;
}

driver_code driver_count(int *count) {
  *count = 0;
  if (driver_is("none") || driver_is("old")) return DRIVER_INSUFFICIENT;
  *count = devices();
  return *count > 0 ? DRIVER_SUCCESS : DRIVER_NO_DEVICE;
}

driver_code driver_primary_context(int ordinal, driver_context *out) {
  if (ordinal < 0 || ordinal >= devices()) return INVALID_DEVICE;
  *out = primary_context(ordinal);
  return DRIVER_SUCCESS;
}

driver_code driver_create_context(int ordinal, driver_context *out) {
  if (ordinal < 0 || ordinal >= devices()) return INVALID_DEVICE;
  int mode = RELAXED_MODE, before = exchange_mode(mode);
  int refused = unsafe_call();
  exchange_mode(before);
  if (refused == DRIVER_SUCCESS) refused = gpu::error_of_context(nullptr);
  *out = refused == DRIVER_SUCCESS ? create_context(ordinal) : nullptr;
  return refused;
}

driver_code driver_destroy_context(driver_context given) {
  destroy_context(static_cast<context *>(given));
  return DRIVER_SUCCESS;
}

driver_code driver_current_context(driver_context *out, int *ordinal) {
  *out = current();
  *ordinal = current() == nullptr ? 0 : current()->ordinal;
  return DRIVER_SUCCESS;
}

driver_code driver_push_context(driver_context given) {
  push(static_cast<context *>(given));
  return DRIVER_SUCCESS;
}

driver_code driver_pop_context() { return pop() == nullptr ? INVALID_CONTEXT : DRIVER_SUCCESS; }

driver_code driver_describe(int ordinal, driver_description *out) {
  *out = driver_description();
  snprintf(out->name, sizeof out->name, "emulated GPU %d", ordinal);
  int64_t serial = setting("RAPT_EMULATED_SERIAL", 0);
  memcpy(out->uuid, &serial, sizeof serial);
  out->uuid[15] = static_cast<unsigned char>(ordinal);
  // A few multiprocessors, so that splitting decisions are made at sizes a test can afford.
  out->multiprocessors = 4;
  out->capability = driver_is("turing") ? 75 : driver_is("ada") ? 89 : driver_is("hopper") ? 90 : 80;
  out->shared_per_block_optin = (driver_is("ada") ? 99 : driver_is("hopper") ? 227 : 163) * 1024;
  // Small, so that tests of affordable sizes have several slices.
  out->step_bytes = 2 << 20;
  return DRIVER_SUCCESS;
}

driver_code driver_allocate(size_t bytes, void **out) { return take(bytes, current()->ordinal, out); }
driver_code driver_release(void *memory) { return give_back(memory, false); }
driver_code driver_allocate_pinned(size_t bytes, void **out) { return take(bytes, -1, out); }
driver_code driver_release_pinned(void *memory) { return give_back(memory, true); }

driver_code driver_memory_info(size_t *free_bytes, size_t *total_bytes) {
  memory_table &memory = table();
  std::lock_guard<std::mutex> lock(memory.mutex);
  *total_bytes = static_cast<size_t>(setting("RAPT_EMULATED_MEMORY", INT64_C(1) << 30));
  size_t used = used_bytes(memory, current()->ordinal);
  *free_bytes = used < *total_bytes ? *total_bytes - used : 0;
  return DRIVER_SUCCESS;
}

driver_code driver_look_up(const void *pointer, driver_pointer *out) {
  memory_table &memory = table();
  std::lock_guard<std::mutex> lock(memory.mutex);
  uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  auto after = memory.blocks.upper_bound(address);
  *out = {DRIVER_MEMORY_UNREGISTERED, 0, nullptr, driver_is("hmm") ? pointer : nullptr};
  if (after == memory.blocks.begin()) return DRIVER_SUCCESS;
  const auto &entry = *--after;
  if (address - entry.first >= entry.second.bytes) return DRIVER_SUCCESS;
  const block &b = entry.second;
  *out = {b.ordinal < 0 ? DRIVER_MEMORY_HOST : DRIVER_MEMORY_DEVICE, b.ordinal, b.owner, pointer};
  return DRIVER_SUCCESS;
}

driver_code driver_copy(void *to, const void *from, size_t bytes, driver_stream given) {
  check_stream(given);
  int refused = given == nullptr ? default_call() : DRIVER_SUCCESS;
  if (refused != DRIVER_SUCCESS) return refused;
  memmove(to, from, bytes);
  return fault();
}

driver_code driver_stream_create(bool ordered, driver_stream *out) {
  check_owner("a new stream", current());
  int refused = unsafe_call();
  if (refused != DRIVER_SUCCESS) return refused;
  *out = create_stream(ordered);
  return DRIVER_SUCCESS;
}

driver_code driver_stream_destroy(driver_stream given) {
  check_stream(given);
  destroy_stream(static_cast<stream *>(given));
  return DRIVER_SUCCESS;
}

driver_code driver_stream_context(driver_stream given, driver_context *out) {
  const void *owner = given == nullptr ? current() : static_cast<const stream *>(given)->context;
  *out = const_cast<void *>(owner);
  return DRIVER_SUCCESS;
}

driver_code driver_stream_synchronize(driver_stream given) {
  check_stream(given);
  int refused = wait_call(static_cast<stream *>(given));
  return refused != DRIVER_SUCCESS ? refused : fault();
}
// An event may be another context's.
driver_code driver_stream_wait(driver_stream given, driver_event) {
  check_stream(given);
  int refused = given == nullptr ? default_call() : DRIVER_SUCCESS;
  return refused != DRIVER_SUCCESS ? refused : fault();
}
driver_code driver_stream_captures(driver_stream given, bool *captures_now) {
  check_stream(given);
  *captures_now = captures(static_cast<const stream *>(given));
  return given == nullptr && default_is_held() ? DRIVER_CAPTURE_IMPLICIT : DRIVER_SUCCESS;
}

driver_code driver_exchange_capture_mode(int *mode) {
  *mode = exchange_mode(*mode);
  return DRIVER_SUCCESS;
}

driver_code driver_event_create(bool, driver_event *out) {
  check_owner("a new event", current());
  *out = new emulated_event{current(), {}, nullptr, false};
  return DRIVER_SUCCESS;
}

driver_code driver_event_destroy(driver_event event) {
  check_event(event);
  delete static_cast<emulated_event *>(event);
  return DRIVER_SUCCESS;
}

driver_code driver_event_record(driver_event event, driver_stream given) {
  check_event(event);
  check_stream(given);
  int refused = given == nullptr ? default_call() : DRIVER_SUCCESS;
  if (refused != DRIVER_SUCCESS) return refused;
  stream *s = static_cast<stream *>(given);
  *static_cast<emulated_event *>(event) = {current(), std::chrono::steady_clock::now(), s, captures(s)};
  return fault();
}

driver_code driver_event_synchronize(driver_event event) {
  check_event(event);
  const emulated_event *e = static_cast<const emulated_event *>(event);
  int refused = e->captured ? CAPTURED_EVENT : wait_for_recorded(e->recorded);
  return refused != DRIVER_SUCCESS ? refused : fault();
}
driver_code driver_event_query(driver_event event) {
  check_event(event);
  int refused = unsafe_call();
  return refused != DRIVER_SUCCESS ? refused : fault();
}

driver_code driver_event_elapsed(driver_event start, driver_event end, float *milliseconds) {
  check_event(start);
  check_event(end);
  *milliseconds = std::chrono::duration<float, std::milli>(static_cast<emulated_event *>(end)->time -
                                                           static_cast<emulated_event *>(start)->time)
                      .count();
  return fault();
}

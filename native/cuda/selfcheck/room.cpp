// SPDX-License-Identifier: Apache-2.0
#include "cuda/selfcheck/room.h"

#include <cstdio>

namespace {

// More than any check takes.
constexpr size_t room_bytes = 4 << 20;
constexpr size_t alignment = 256;
// NaN in every type, as the memory of a GPU may hold.
constexpr unsigned char filling = 0xff;

}  // namespace

driver_code rapt_cuda_room::open() {
  close();
  code_ = driver_create_context(ordinal_, &context_);
  if (code_ != DRIVER_SUCCESS) {
    driver_forget_failure();
    return code_;
  }
  rapt_cuda_scope scope(context_);
  void *memory = nullptr;
  note(driver_allocate(room_bytes, &memory));
  memory_ = static_cast<unsigned char *>(memory);
  if (code_ == DRIVER_SUCCESS) note(driver_stream_create(false, &stream_));
  if (code_ == DRIVER_SUCCESS) note(rapt_cuda_prepare(device_));
  return code_;
}

// With the context goes all that was made in it.
void rapt_cuda_room::close() {
  if (context_ == nullptr) return;
  {
    rapt_cuda_scope scope(context_);
    if (stream_ != nullptr) driver_stream_destroy(stream_);
    if (memory_ != nullptr) driver_release(memory_);
  }
  driver_destroy_context(context_);
  driver_forget_failure();
  context_ = nullptr;
  stream_ = nullptr;
  memory_ = nullptr;
}

void rapt_cuda_room::note(driver_code code) {
  if (code == DRIVER_SUCCESS) return;
  driver_forget_failure();
  if (code_ == DRIVER_SUCCESS) code_ = code;
}

void rapt_cuda_room::begin() {
  used_ = 0;
  outputs_.clear();
}

unsigned char *rapt_cuda_room::take(size_t bytes) {
  size_t at = used_;
  used_ += (bytes + alignment - 1) / alignment * alignment + alignment;
  // Not for want of memory, which might be there another time.
  if (used_ > room_bytes) note(DRIVER_INVALID_VALUE);
  return memory_ + at;
}

void *rapt_cuda_room::put(const void *data, size_t bytes) {
  unsigned char *at = take(bytes);
  rapt_cuda_scope scope(context_);
  if (!lost()) note(driver_copy(at, data, bytes, stream_));
  return at;
}

void *rapt_cuda_room::room_for(size_t bytes) {
  size_t whole = (bytes + alignment - 1) / alignment * alignment;
  std::vector<unsigned char> fill(whole + 2 * alignment, filling);
  unsigned char *at = static_cast<unsigned char *>(put(fill.data(), fill.size())) + alignment;
  outputs_.push_back({at, bytes});
  return at;
}

rapt_cuda_complaint rapt_cuda_room::finish() {
  {
    rapt_cuda_scope scope(context_);
    note(driver_stream_synchronize(stream_));
  }
  if (lost()) {
    char text[160];
    snprintf(text, sizeof text, "it ended with %s (%d), %s", driver_code_name(code_), code_, driver_code_text(code_));
    return text;
  }
  for (const output &o : outputs_) {
    size_t whole = (o.bytes + alignment - 1) / alignment * alignment;
    std::vector<unsigned char> around(whole + 2 * alignment);
    get(o.at - alignment, around.size(), around.data());
    for (size_t i = 0; i < around.size(); i++) {
      bool inside = i >= alignment && i < alignment + o.bytes;
      if (!inside && around[i] != filling) return "it writes beside its output";
    }
  }
  return "";
}

void rapt_cuda_room::get(const void *from, size_t bytes, void *to) {
  rapt_cuda_scope scope(context_);
  if (!lost()) note(driver_copy(to, from, bytes, stream_));
  if (!lost()) note(driver_stream_synchronize(stream_));
}

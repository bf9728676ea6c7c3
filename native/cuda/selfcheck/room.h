// SPDX-License-Identifier: Apache-2.0
// Where checks run: a CUDA context of the self-check's own, so that a kernel's fault ends in it and not in the
// caller's, with a stream and some memory. A kernel that never ends is not dealt with: nothing can stop it but the end
// of the process.
#ifndef RAPT_CUDA_SELFCHECK_ROOM_H
#define RAPT_CUDA_SELFCHECK_ROOM_H

#include <string>
#include <vector>

#include "cuda/gpu/stream.h"
#include "cuda/runtime/driver.h"
#include "cuda/runtime/state.h"

// Says why a check failed; empty: it has not.
typedef std::string rapt_cuda_complaint;

class rapt_cuda_room {
 public:
  rapt_cuda_room(int ordinal, const driver_description &device) : ordinal_(ordinal), device_(device) {}
  ~rapt_cuda_room() { close(); }
  rapt_cuda_room(const rapt_cuda_room &) = delete;
  rapt_cuda_room &operator=(const rapt_cuda_room &) = delete;

  // Makes the context, or another one in place of the one that a fault has spoiled, and loads the kernels. Returns what
  // the driver says.
  driver_code open();

  const driver_description &device() const { return device_; }

  // Begins a check: gives all memory back.
  void begin();
  // Device memory with this content, and with room for so many bytes of output, aligned to 256 bytes. What lies around
  // an output is watched.
  void *put(const void *data, size_t bytes);
  void *room_for(size_t bytes);
  // Launches, with the context current: int(gpu_stream), which returns the driver's code.
  template <typename Launch>
  void launch(const Launch &launch) {
    if (lost()) return;
    rapt_cuda_scope scope(context_);
    note(launch(static_cast<gpu_stream>(stream_)));
  }
  // Waits for the launches. Returns a sentence where one failed, or wrote beside its outputs.
  rapt_cuda_complaint finish();
  // Copies an output back, after finish.
  void get(const void *from, size_t bytes, void *to);
  // Whether a failure has made the context useless.
  bool lost() const { return code_ != DRIVER_SUCCESS; }
  driver_code code() const { return code_; }

 private:
  struct output {
    unsigned char *at;
    size_t bytes;
  };

  void close();
  unsigned char *take(size_t bytes);
  void note(driver_code code);

  int ordinal_;
  driver_description device_;
  driver_context context_ = nullptr;
  driver_stream stream_ = nullptr;
  unsigned char *memory_ = nullptr;
  size_t used_ = 0;
  std::vector<output> outputs_;
  // The first failure in this context.
  driver_code code_ = DRIVER_SUCCESS;
};

#endif

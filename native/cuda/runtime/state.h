// SPDX-License-Identifier: Apache-2.0
// The structs behind the plug-in's handles.
#ifndef RAPT_CUDA_RUNTIME_STATE_H
#define RAPT_CUDA_RUNTIME_STATE_H

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "call/device.h"
#include "cuda/runtime/choice.h"
#include "cuda/runtime/driver.h"

struct rapt_cuda_context;

// Scratch belongs to a stream: calls on one stream run one after the other, so they can share it without waiting.
struct rapt_stream {
  rapt_handle handle;
  rapt_cuda_context *context;
  driver_stream native;
  // Whether the plug-in made `native` and destroys it.
  bool owned;
  // Held while a call enqueues: kernels of two calls must not alternate, because the calls share the scratch.
  std::mutex mutex;
  void *scratch;
  int64_t scratch_size;
  // Scratch that became too small. Enqueued kernels may still use it.
  std::vector<void *> outgrown;
  // The end of the latest call that used scratch. NULL without scratch. It can be waited for while the stream itself,
  // being captured, cannot.
  driver_event scratch_used;
  // How many threads wait for the stream by the context's list; under its mutex. Until it is 0, `native` must live.
  int waiters;
};

struct rapt_event {
  rapt_handle handle;
  rapt_cuda_context *context;
  driver_event native;
};

struct rapt_cuda_context {
  rapt_context head;
  int ordinal;
  // What it works in, whatever is current on the calling threads; and whether that is the device's primary one.
  driver_context native;
  bool primary;
  int driver;
  driver_description device;
  // What the self-check found, for the choice.
  std::shared_ptr<const rapt_cuda_verdict> verdict;
  rapt_cuda_choice choice;
  // The stream of calls that come without one.
  rapt_stream stream;
  // All streams of the context, its own and wrapped ones among them. The mutex is not held while anybody waits for the
  // device; `stream_left` tells of a stream that nobody waits for any more.
  std::mutex streams_mutex;
  std::condition_variable stream_left;
  std::vector<rapt_stream *> streams;
};

inline rapt_cuda_context *rapt_cuda_context_of(rapt_context *context) {
  return reinterpret_cast<rapt_cuda_context *>(context);
}
inline const rapt_cuda_context *rapt_cuda_context_of(const rapt_context *context) {
  return reinterpret_cast<const rapt_cuda_context *>(context);
}

// Loads every kernel into the current CUDA context. Otherwise CUDA would do so within a kernel's first launch, which
// fails during a graph capture. Defined in cuda/device.cpp, which sees every operation.
driver_code rapt_cuda_prepare(const driver_description &device);

// What the self-check finds on the device: known to this process, remembered from another one or, with `again` in any
// case, found now. Defined in cuda/selfcheck, which sees every operation; so is the next
// one.
std::shared_ptr<const rapt_cuda_verdict> rapt_cuda_selfcheck(int ordinal, const driver_description &device, int driver,
                                                             bool again);
// Why nothing should run on a device of this verdict; empty where it may.
std::string rapt_cuda_unusable(const rapt_cuda_verdict &verdict);

// Waits for the context's streams, but for those being captured, whose work has not been enqueued. Returns the first
// failure of earlier work, once all are waited for.
driver_code rapt_cuda_wait_for_streams(rapt_cuda_context *context);

// Whether the stream is being captured into a graph. The default stream is refused while one that waits for it is:
// whatever is asked of the default stream then makes that capture useless.
rapt_status rapt_cuda_captures(const rapt_stream *stream, bool *captures, rapt_error *error);

// Puts a stream on the context's list; and off it, once nobody waits for it by the list.
void rapt_cuda_enlist(rapt_cuda_context *context, rapt_stream *stream);
void rapt_cuda_delist(rapt_cuda_context *context, rapt_stream *stream);

// Makes a CUDA context current for a scope, and afterwards the thread's previous one: the caller may use CUDA itself.
// The thread's capture mode is relaxed meanwhile: allocating and waiting must not spoil a capture that goes on
// elsewhere, and nothing here waits for a stream that is being captured.
class rapt_cuda_scope {
 public:
  explicit rapt_cuda_scope(driver_context context);
  ~rapt_cuda_scope();
  rapt_cuda_scope(const rapt_cuda_scope &) = delete;
  rapt_cuda_scope &operator=(const rapt_cuda_scope &) = delete;
  // RAPT_OK, or why the context could not be made current.
  rapt_status check(rapt_error *error) const;

 private:
  int capture_mode_;
  driver_code code_;
};

// Checks that `what`, made with one context, is of the CUDA context that another, `whose`, works in: "the event", "the
// stream's".
rapt_status rapt_cuda_check_same(const char *what, const rapt_cuda_context *its, const rapt_cuda_context *wanted,
                                 const char *whose, rapt_error *error);

// `needed` bytes of the stream's scratch; the caller holds the stream's mutex until it has enqueued what uses them.
// Allocates only where the scratch is too small. The caller records `scratch_used` behind that work. Not for a stream
// that is being captured into a graph: a replay does not queue behind the stream's calls, nor behind another replay,
// and comes after its end if it likes.
rapt_status rapt_cuda_scratch(rapt_stream *stream, int64_t needed, void **out, rapt_error *error);

// Releases the scratch, once no work uses it, and, where the plug-in made it, the CUDA stream; not the struct. A
// capture of the stream stays whole.
void rapt_cuda_stream_close(rapt_stream *stream);

// The device's functions, by file; see rapt_device.
const char *rapt_cuda_unavailable();
rapt_status rapt_cuda_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error);
void rapt_cuda_context_destroy(rapt_context *context);
rapt_status rapt_cuda_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error);
rapt_status rapt_cuda_context_get_selfcheck(const rapt_context *context, char *out, int64_t size, rapt_error *error);

rapt_status rapt_cuda_memory_allocate(rapt_context *context, int32_t kind, int64_t bytes, void **out,
                                      rapt_error *error);
rapt_status rapt_cuda_memory_free(rapt_context *context, int32_t kind, void *memory, rapt_error *error);
rapt_status rapt_cuda_memory_get_info(rapt_context *context, int64_t *free_bytes, int64_t *total_bytes,
                                      rapt_error *error);
rapt_status rapt_cuda_memory_copy(rapt_context *context, void *to, const void *from, int64_t bytes, rapt_stream *stream,
                                  rapt_error *error);

rapt_status rapt_cuda_check_stream(const rapt_context *context, const rapt_stream *stream, rapt_error *error);
rapt_status rapt_cuda_stream_create(rapt_context *context, rapt_stream **out, rapt_error *error);
rapt_status rapt_cuda_stream_wrap(rapt_context *context, void *native, rapt_stream **out, rapt_error *error);
void rapt_cuda_stream_destroy(rapt_stream *stream);
rapt_status rapt_cuda_stream_synchronize(rapt_stream *stream, rapt_error *error);
rapt_status rapt_cuda_stream_wait(rapt_stream *stream, rapt_event *event, rapt_error *error);

rapt_status rapt_cuda_event_create(rapt_context *context, rapt_event **out, rapt_error *error);
void rapt_cuda_event_destroy(rapt_event *event);
rapt_status rapt_cuda_event_record(rapt_event *event, rapt_stream *stream, rapt_error *error);
rapt_status rapt_cuda_event_synchronize(rapt_event *event, rapt_error *error);
rapt_status rapt_cuda_event_query(rapt_event *event, int32_t *done, rapt_error *error);
rapt_status rapt_cuda_event_elapsed(rapt_event *start, rapt_event *end, float *milliseconds, rapt_error *error);

#endif

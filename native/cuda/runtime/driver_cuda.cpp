// SPDX-License-Identifier: Apache-2.0
// The driver over the CUDA runtime; contexts, which the runtime has no word for, over the driver's own interface.
#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>

#include "cuda/runtime/driver.h"

static_assert(int{DRIVER_INVALID_VALUE} == int{cudaErrorInvalidValue}, "cudaError_t");
static_assert(int{DRIVER_OUT_OF_MEMORY} == int{cudaErrorMemoryAllocation}, "cudaError_t");
static_assert(int{DRIVER_INSUFFICIENT} == int{cudaErrorInsufficientDriver}, "cudaError_t");
static_assert(int{DRIVER_NO_DEVICE} == int{cudaErrorNoDevice}, "cudaError_t");
static_assert(int{DRIVER_NOT_READY} == int{cudaErrorNotReady}, "cudaError_t");

static_assert(int{DRIVER_CAPTURE_IMPLICIT} == int{cudaErrorStreamCaptureImplicit}, "cudaError_t");
static_assert(int{DRIVER_CAPTURE_RELAXED} == int{cudaStreamCaptureModeRelaxed}, "cudaStreamCaptureMode");
static_assert(int{DRIVER_MEMORY_UNREGISTERED} == int{cudaMemoryTypeUnregistered}, "cudaMemoryType");
static_assert(int{DRIVER_MEMORY_HOST} == int{cudaMemoryTypeHost}, "cudaMemoryType");
static_assert(int{DRIVER_MEMORY_DEVICE} == int{cudaMemoryTypeDevice}, "cudaMemoryType");
static_assert(int{DRIVER_MEMORY_MANAGED} == int{cudaMemoryTypeManaged}, "cudaMemoryType");

namespace {

// Functions of the driver, which the runtime has loaded: the plug-in links nothing of it. A CUresult has the numbers of
// cudaError_t.
struct driver_entries {
  // Of looking them up.
  driver_code code = DRIVER_SUCCESS;
  CUresult (*get_device)(CUdevice *device, int ordinal);
  CUresult (*retain_primary)(CUcontext *context, CUdevice device);
  CUresult (*create)(CUcontext *context, unsigned flags, CUdevice device);
  CUresult (*destroy)(CUcontext context);
  CUresult (*exchange_capture_mode)(CUstreamCaptureMode *mode);
  CUresult (*get_current)(CUcontext *context);
  CUresult (*device_of_current)(CUdevice *device);
  CUresult (*push)(CUcontext context);
  CUresult (*pop)(CUcontext *context);
  CUresult (*pointer_attribute)(void *out, CUpointer_attribute attribute, CUdeviceptr pointer);
  CUresult (*context_of_stream)(CUstream stream, CUcontext *context);

  driver_entries() {
    find("cuDeviceGet", &get_device);
    find("cuDevicePrimaryCtxRetain", &retain_primary);
    find("cuCtxCreate", &create);
    find("cuCtxDestroy", &destroy);
    find("cuThreadExchangeStreamCaptureMode", &exchange_capture_mode);
    find("cuCtxGetCurrent", &get_current);
    find("cuCtxGetDevice", &device_of_current);
    find("cuCtxPushCurrent", &push);
    find("cuCtxPopCurrent", &pop);
    find("cuPointerGetAttribute", &pointer_attribute);
    find("cuStreamGetCtx", &context_of_stream);
  }

  template <typename Function>
  void find(const char *name, Function *function) {
    // The functions as CUDA 12.0 declares them: cuCtxGetDevice has another parameter later.
    constexpr unsigned interface = 12000;
    void *found = nullptr;
    cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
    cudaError_t error = cudaGetDriverEntryPointByVersion(name, &found, interface, cudaEnableDefault, &result);
    if (error == cudaSuccess && result != cudaDriverEntryPointSuccess) error = cudaErrorInsufficientDriver;
    if (error != cudaSuccess) code = error;
    memcpy(function, &found, sizeof found);
  }
};

const driver_entries &entries() {
  static const driver_entries found;
  return found;
}

}  // namespace

static cudaStream_t native(driver_stream stream) { return static_cast<cudaStream_t>(stream); }
static cudaEvent_t native_event(driver_event event) { return static_cast<cudaEvent_t>(event); }

const char *driver_code_name(driver_code code) { return cudaGetErrorName(static_cast<cudaError_t>(code)); }
const char *driver_code_text(driver_code code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); }

void driver_forget_failure() { cudaGetLastError(); }

driver_code driver_version(int *installed, int *needed) {
  *needed = CUDART_VERSION;
  return cudaDriverGetVersion(installed);
}

driver_code driver_count(int *devices) { return cudaGetDeviceCount(devices); }

driver_code driver_primary_context(int ordinal, driver_context *out) {
  CUcontext context = nullptr;
  CUdevice device = 0;
  driver_code code = entries().code;
  if (code == DRIVER_SUCCESS) code = entries().get_device(&device, ordinal);
  if (code == DRIVER_SUCCESS) code = entries().retain_primary(&context, device);
  *out = context;
  return code;
}

driver_code driver_create_context(int ordinal, driver_context *out) {
  CUcontext context = nullptr, popped = nullptr;
  CUdevice device = 0;
  // Another thread may be capturing a stream.
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
  driver_code code = entries().code;
  if (code == DRIVER_SUCCESS) code = entries().get_device(&device, ordinal);
  if (code == DRIVER_SUCCESS) code = entries().exchange_capture_mode(&mode);
  if (code == DRIVER_SUCCESS) {
    code = entries().create(&context, 0, device);
    if (code == DRIVER_SUCCESS) entries().pop(&popped);
    entries().exchange_capture_mode(&mode);
  }
  *out = context;
  return code;
}

driver_code driver_destroy_context(driver_context context) {
  return entries().destroy(static_cast<CUcontext>(context));
}

driver_code driver_current_context(driver_context *out, int *ordinal) {
  CUcontext context = nullptr;
  CUdevice device = 0;
  driver_code code = entries().code;
  if (code == DRIVER_SUCCESS) code = entries().get_current(&context);
  if (code == DRIVER_SUCCESS && context != nullptr) code = entries().device_of_current(&device);
  // The driver's devices are numbered as the runtime's are.
  *ordinal = device;
  *out = context;
  return code;
}

driver_code driver_push_context(driver_context context) {
  driver_code code = entries().code;
  return code != DRIVER_SUCCESS ? code : entries().push(static_cast<CUcontext>(context));
}

driver_code driver_pop_context() {
  CUcontext popped = nullptr;
  return entries().pop(&popped);
}

driver_code driver_describe(int ordinal, driver_description *out) {
  cudaDeviceProp properties;
  cudaError_t code = cudaGetDeviceProperties(&properties, ordinal);
  if (code != cudaSuccess) return code;
  *out = driver_description();
  snprintf(out->name, sizeof out->name, "%.*s", static_cast<int>(sizeof out->name) - 1, properties.name);
  memcpy(out->uuid, properties.uuid.bytes, sizeof out->uuid);
  out->multiprocessors = properties.multiProcessorCount;
  out->capability = 10 * properties.major + properties.minor;
  out->shared_per_block_optin = static_cast<int64_t>(properties.sharedMemPerBlockOptin);
  // Enough to fill the largest GPU.
  out->step_bytes = 64 << 20;
  return DRIVER_SUCCESS;
}

driver_code driver_allocate(size_t bytes, void **out) { return cudaMalloc(out, bytes); }
driver_code driver_release(void *memory) { return cudaFree(memory); }
// Portable: pinned for every device, so that one buffer serves several contexts.
driver_code driver_allocate_pinned(size_t bytes, void **out) {
  return cudaHostAlloc(out, bytes, cudaHostAllocPortable);
}
driver_code driver_release_pinned(void *memory) { return cudaFreeHost(memory); }
driver_code driver_memory_info(size_t *free_bytes, size_t *total_bytes) {
  return cudaMemGetInfo(free_bytes, total_bytes);
}

driver_code driver_look_up(const void *pointer, driver_pointer *out) {
  cudaPointerAttributes attributes;
  cudaError_t code = cudaPointerGetAttributes(&attributes, pointer);
  *out = driver_pointer();
  if (code != cudaSuccess) return code;
  out->memory = static_cast<driver_memory>(attributes.type);
  out->ordinal = attributes.device;
  out->on_device = attributes.devicePointer;
  CUcontext context = nullptr;
  // Fails for memory of no context.
  if (out->memory == DRIVER_MEMORY_DEVICE && entries().code == DRIVER_SUCCESS &&
      entries().pointer_attribute(&context, CU_POINTER_ATTRIBUTE_CONTEXT, reinterpret_cast<CUdeviceptr>(pointer)) ==
          CUDA_SUCCESS) {
    out->context = context;
  }
  return DRIVER_SUCCESS;
}

driver_code driver_copy(void *to, const void *from, size_t bytes, driver_stream stream) {
  return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, native(stream));
}

driver_code driver_stream_create(bool ordered, driver_stream *out) {
  cudaStream_t stream = nullptr;
  cudaError_t code = cudaStreamCreateWithFlags(&stream, ordered ? cudaStreamDefault : cudaStreamNonBlocking);
  *out = stream;
  return code;
}

driver_code driver_stream_destroy(driver_stream stream) { return cudaStreamDestroy(native(stream)); }
driver_code driver_stream_context(driver_stream stream, driver_context *out) {
  CUcontext context = nullptr;
  driver_code code = entries().code;
  if (code == DRIVER_SUCCESS) code = entries().context_of_stream(native(stream), &context);
  *out = context;
  return code;
}
driver_code driver_stream_synchronize(driver_stream stream) { return cudaStreamSynchronize(native(stream)); }
driver_code driver_stream_wait(driver_stream stream, driver_event event) {
  return cudaStreamWaitEvent(native(stream), native_event(event), 0);
}

driver_code driver_stream_captures(driver_stream stream, bool *captures) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaError_t code = cudaStreamIsCapturing(native(stream), &status);
  *captures = status != cudaStreamCaptureStatusNone;
  return code;
}

driver_code driver_exchange_capture_mode(int *mode) {
  cudaStreamCaptureMode exchanged = static_cast<cudaStreamCaptureMode>(*mode);
  cudaError_t code = cudaThreadExchangeStreamCaptureMode(&exchanged);
  *mode = exchanged;
  return code;
}

driver_code driver_event_create(bool timed, driver_event *out) {
  cudaEvent_t event = nullptr;
  cudaError_t code = cudaEventCreateWithFlags(&event, timed ? cudaEventDefault : cudaEventDisableTiming);
  *out = event;
  return code;
}

driver_code driver_event_destroy(driver_event event) { return cudaEventDestroy(native_event(event)); }
driver_code driver_event_record(driver_event event, driver_stream stream) {
  return cudaEventRecord(native_event(event), native(stream));
}
driver_code driver_event_synchronize(driver_event event) { return cudaEventSynchronize(native_event(event)); }
driver_code driver_event_query(driver_event event) { return cudaEventQuery(native_event(event)); }
driver_code driver_event_elapsed(driver_event start, driver_event end, float *milliseconds) {
  return cudaEventElapsedTime(milliseconds, native_event(start), native_event(end));
}

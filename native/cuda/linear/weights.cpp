// SPDX-License-Identifier: Apache-2.0
// Copies weights to memory of the device. They may lie in host memory, where models are loaded, or on the device.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "base/tensor.h"
#include "cuda/device.h"
#include "cuda/linear/linear.h"
#include "cuda/runtime/call.h"
#include "cuda/runtime/place.h"
#include "cuda/runtime/rows.h"

namespace {

struct device_memory {
  void *data = nullptr;
  ~device_memory() {
    if (data != nullptr) driver_release(data);
  }
};

int64_t round_up(int64_t bytes) { return (bytes + 255) / 256 * 256; }

// Copies a host tensor's rows, whatever its strides, into contiguous memory of the same type.
void pack(const rapt_tensor &from, int64_t rows, int64_t columns, unsigned char *to) {
  size_t size = static_cast<size_t>(rapt_element_size(from.dtype));
  for (int64_t r = 0; r < rows; r++) {
    const unsigned char *row = static_cast<const unsigned char *>(rapt_offset(&from, r * from.stride[0]));
    if (from.stride[1] == 1) {
      memcpy(to, row, static_cast<size_t>(columns) * size);
      to += static_cast<size_t>(columns) * size;
      continue;
    }
    for (int64_t c = 0; c < columns; c++, to += size) {
      memcpy(to, row + c * from.stride[1] * static_cast<int64_t>(size), size);
    }
  }
}

// Copies (rows, columns) of a tensor, on the host or the device, to `to` on the device, contiguous and as to.dtype.
// Waits for the copy.
rapt_status bring(rapt_cuda_context *context, const char *name, rapt_tensor from, int64_t rows, int64_t columns,
                  const rapt_tensor &to, rapt_error *error) {
  rapt_cuda_place place;
  RAPT_CHECK(rapt_cuda_find_place(context, name, from.data, &place, error));
  driver_stream stream = context->stream.native;
  std::unique_ptr<unsigned char[]> host;
  device_memory staged;
  if (place == RAPT_CUDA_PLACE_UNREGISTERED || place == RAPT_CUDA_PLACE_ELSEWHERE) {
    size_t bytes = static_cast<size_t>(rows * columns * rapt_element_size(from.dtype));
    host.reset(new (std::nothrow) unsigned char[bytes]);
    if (host == nullptr) {
      return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for a copy of %s, %zu bytes", name, bytes);
    }
    pack(from, rows, columns, host.get());
    void *target = to.data;
    if (from.dtype != to.dtype) {
      RAPT_CHECK(rapt_cuda_check(driver_allocate(bytes, &staged.data), "allocating room for the bias", error));
      target = staged.data;
    }
    RAPT_CHECK(rapt_cuda_check(driver_copy(target, host.get(), bytes, stream), "copying weights", error));
    from.data = target;
    from.stride[0] = columns;
    from.stride[1] = 1;
  }
  driver_code code = DRIVER_SUCCESS;
  if (from.data != to.data) code = rapt_cuda_copy_rows(from, to, rows, columns, static_cast<gpu_stream>(stream));
  RAPT_CHECK(rapt_cuda_check(code, "converting weights", error));
  return rapt_cuda_check(driver_stream_synchronize(stream), "copying weights", error);
}

rapt_status fill(rapt_cuda_context *context, const rapt_linear_parameters &w, rapt_cuda_linear_weights *linear,
                 rapt_error *error) {
  int64_t weight_bytes = round_up(w.out_features * w.in_features * rapt_element_size(w.weight.dtype));
  int64_t bias_bytes = rapt_is_present(&w.bias) ? w.out_features * static_cast<int64_t>(sizeof(float)) : 0;
  int64_t bytes = weight_bytes + bias_bytes;
  char what[96];
  snprintf(what, sizeof what, "allocating %" PRId64 " bytes for the weights", bytes);
  RAPT_CHECK(rapt_cuda_check(driver_allocate(static_cast<size_t>(bytes), &linear->weight), what, error));
  rapt_tensor weight = {linear->weight, {w.in_features, 1}, w.weight.dtype, 0};
  RAPT_CHECK(bring(context, "weight", w.weight, w.out_features, w.in_features, weight, error));
  if (!rapt_is_present(&w.bias)) return RAPT_OK;
  linear->bias = reinterpret_cast<float *>(static_cast<unsigned char *>(linear->weight) + weight_bytes);
  // The bias as a matrix of one row.
  rapt_tensor from = {w.bias.data, {0, w.bias.stride[0]}, w.bias.dtype, 0};
  rapt_tensor bias = {linear->bias, {0, 1}, RAPT_F32, 0};
  return bring(context, "bias", from, 1, w.out_features, bias, error);
}

}  // namespace

rapt_status rapt_cuda_weights_create(rapt_context *head, const rapt_linear_parameters *parameters,
                                     rapt_linear_weights **out, rapt_error *error) {
  rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_linear_parameters p;
  RAPT_CHECK(rapt_linear_check_parameters(parameters, &p, error));
  if ((RAPT_FLOATS & RAPT_ONLY(p.weight.dtype)) == 0) {
    return rapt_fail(error, RAPT_UNSUPPORTED, "weight is %s; CUDA device %d takes f32, f16 and bf16 weights",
                     rapt_dtype_name(p.weight.dtype), context->ordinal);
  }
  rapt_cuda_scope scope(context->native);
  RAPT_CHECK(scope.check(error));
  rapt_cuda_linear_weights *weights = new (std::nothrow) rapt_cuda_linear_weights();
  if (weights == nullptr) return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for packed weights");
  weights->head = {{&rapt_cuda_device}, p.in_features, p.out_features};
  weights->ordinal = context->ordinal;
  weights->native = context->native;
  weights->dtype = p.weight.dtype;
  rapt_status status = fill(context, p, weights, error);
  if (status == RAPT_OK) {
    *out = &weights->head;
  } else {
    rapt_cuda_weights_destroy(&weights->head);
  }
  return status;
}

void rapt_cuda_weights_destroy(rapt_linear_weights *head) {
  rapt_cuda_linear_weights *weights = reinterpret_cast<rapt_cuda_linear_weights *>(head);
  rapt_cuda_scope scope(weights->native);
  if (weights->weight != nullptr) driver_release(weights->weight);
  driver_forget_failure();
  delete weights;
}

rapt_status rapt_cuda_check_weights(const rapt_context *head, const char *name, const rapt_linear_weights *weights,
                                    rapt_error *error) {
  const rapt_cuda_context *context = rapt_cuda_context_of(head);
  if (weights->handle.device != &rapt_cuda_device) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s was packed for another device; this context's is CUDA device %d",
                     name, context->ordinal);
  }
  const rapt_cuda_linear_weights *its = reinterpret_cast<const rapt_cuda_linear_weights *>(weights);
  if (its->native == context->native) return RAPT_OK;
  if (its->ordinal == context->ordinal) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s lies in another CUDA context of device %d", name, its->ordinal);
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s lies on CUDA device %d; this context's is %d", name, its->ordinal,
                   context->ordinal);
}

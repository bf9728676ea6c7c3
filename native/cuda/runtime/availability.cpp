// SPDX-License-Identifier: Apache-2.0
// Whether there is a GPU that these kernels run on, and the sentence that says why not.
#include "cuda/runtime/availability.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "cuda/runtime/state.h"

static char sentence[256];

__attribute__((format(printf, 1, 2))) static const char *say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  return sentence;
}

static const char *no_device(driver_code code, int installed, int needed) {
  const char *visible = getenv("CUDA_VISIBLE_DEVICES");
  if (installed == 0) return "no NVIDIA driver is installed: its library libcuda.so.1 was not found or does not load";
  if (code == DRIVER_INSUFFICIENT || installed / 1000 < needed / 1000) {
    return say("the NVIDIA driver is too old: it supports CUDA %d.%d, Rapt needs %d.%d", installed / 1000,
               installed % 1000 / 10, needed / 1000, needed % 1000 / 10);
  }
  if (code != DRIVER_SUCCESS && code != DRIVER_NO_DEVICE) {
    return say("CUDA does not start: %s (%d), %s", driver_code_name(code), code, driver_code_text(code));
  }
  if (visible != nullptr) return say("no CUDA device is visible: CUDA_VISIBLE_DEVICES is \"%.100s\"", visible);
  return "an NVIDIA driver is installed, but there is no CUDA device";
}

static const char *find_out() {
  int installed = 0, needed = 0, devices = 0;
  driver_version(&installed, &needed);
  driver_code code = driver_count(&devices);
  driver_forget_failure();
  if (code != DRIVER_SUCCESS || devices == 0) return no_device(code, installed, needed);
  driver_description best = driver_description();
  for (int ordinal = 0; ordinal < devices; ordinal++) {
    driver_description device;
    code = driver_describe(ordinal, &device);
    driver_forget_failure();
    if (code != DRIVER_SUCCESS) continue;
    if (device.capability >= RAPT_CUDA_LEAST_CAPABILITY) return nullptr;
    if (device.capability > best.capability) best = device;
  }
  if (best.capability == 0) {
    return say("no CUDA device can be asked for its properties: %s (%d)", driver_code_name(code), code);
  }
  return say("the GPU is too old: %s has compute capability %d.%d, Rapt needs %d.%d", best.name, best.capability / 10,
             best.capability % 10, RAPT_CUDA_LEAST_CAPABILITY / 10, RAPT_CUDA_LEAST_CAPABILITY % 10);
}

const char *rapt_cuda_unavailable() {
  // Asked once: CUDA does not try again after it has failed to start.
  static std::once_flag asked;
  static const char *answer;
  std::call_once(asked, [] { answer = find_out(); });
  return answer;
}

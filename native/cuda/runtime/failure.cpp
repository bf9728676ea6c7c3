// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/failure.h"

#include <cstddef>

// Errors after which the process's context on the device is lost and every later call reports the same, as the
// documentation of cudaError_t says: contained ECC errors, illegal addresses and instructions, asserts, timeouts,
// launch failures and the like.
static bool is_sticky(driver_code code) {
  switch (code) {
    case 214:
    case 220:
    case 221:
    case 226:
    case 700:
    case 702:
    case 710:
    case 714:
    case 715:
    case 716:
    case 717:
    case 718:
    case 719:
      return true;
    default:
      return false;
  }
}

// Out of memory, devices that are unavailable or not ready yet, and servers (MPS) that are not, or have too many
// clients.
bool rapt_cuda_is_temporary(driver_code code) {
  switch (code) {
    case DRIVER_OUT_OF_MEMORY:
    case 46:
    case 802:
    case 805:
    case 807:
    case 808:
    case 809:
      return true;
    default:
      return false;
  }
}

rapt_status rapt_cuda_check(driver_code code, const char *what, rapt_error *error) {
  if (code == DRIVER_SUCCESS) return RAPT_OK;
  driver_forget_failure();
  rapt_status status = code == DRIVER_OUT_OF_MEMORY ? RAPT_OUT_OF_MEMORY : RAPT_DEVICE_FAILURE;
  const char *lost = is_sticky(code) ? "; this process can no longer use the device and must be restarted" : "";
  rapt_fail(error, status, "%s failed: %s (%d), %s%s", what, driver_code_name(code), code, driver_code_text(code),
            lost);
  if (error != nullptr && error->struct_size >= static_cast<int64_t>(offsetof(rapt_error, message))) {
    error->device_code = code;
  }
  return status;
}

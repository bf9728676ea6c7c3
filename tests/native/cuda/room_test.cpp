// SPDX-License-Identifier: Apache-2.0
// The self-check's room on the emulated device: a check that asks for more than it has fails for good. As a want of
// memory it would count as temporary, and the check would be done again with every context.
#include "cuda/selfcheck/room.h"

#include <vector>

#include "check.h"
#include "cuda/runtime/failure.h"

// No kernel is needed.
driver_code rapt_cuda_prepare(const driver_description &) { return DRIVER_SUCCESS; }

int main() {
  driver_description device = {};
  CHECK(driver_describe(0, &device) == DRIVER_SUCCESS, "the device cannot be described");
  rapt_cuda_room room(0, device);
  CHECK(room.open() == DRIVER_SUCCESS, "the room does not open");
  room.begin();
  std::vector<unsigned char> large(8 << 20);
  room.put(large.data(), large.size());
  CHECK(room.lost() && !rapt_cuda_is_temporary(room.code()), "code %d", room.code());
  CHECK(!room.finish().empty(), "a check that had no room passes");
  CHECK(room.open() == DRIVER_SUCCESS && !room.lost(), "the next check finds no room");
  return check_finish("room");
}

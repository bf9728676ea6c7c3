// SPDX-License-Identifier: Apache-2.0
// The compiled code of kernels: what an nvcc build keeps of each object (native/cuda/keep-report), read without the
// toolkit's disassembler, which not every installation has.
#ifndef RAPT_TESTS_CUDA_COUNTS_CODE_H
#define RAPT_TESTS_CUDA_COUNTS_CODE_H

#include <stdint.h>

#include <string>
#include <vector>

// An instruction of 16 bytes, as of Volta and later.
struct instruction {
  uint64_t low;
  uint64_t high;
};

struct kernel_code {
  // As the linker knows it.
  std::string symbol;
  // 80, 90, 120.
  int architecture;
  std::vector<instruction> instructions;
};

// The kernels in a cubin. Ends the program where the file is none.
std::vector<kernel_code> read_cubin(const std::string &path);

// What ptxas says of a kernel for an architecture.
struct kernel_report {
  std::string symbol;
  int architecture;
  int registers;
  int spilled_bytes;
};

std::vector<kernel_report> read_report(const std::string &path);

[[noreturn]] void stop(const std::string &why);

#endif

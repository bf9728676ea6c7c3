// SPDX-License-Identifier: Apache-2.0
#include "code.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fstream>
#include <sstream>

void stop(const std::string &why) {
  fprintf(stderr, "cuda_counts: %s\n", why.c_str());
  exit(2);
}

static std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) stop(path + " cannot be read");
  return text.str();
}

template <typename T>
static T at(const std::string &bytes, size_t offset) {
  T x;
  if (offset > bytes.size() || bytes.size() - offset < sizeof x) stop("a cubin is cut short");
  memcpy(&x, bytes.data() + offset, sizeof x);
  return x;
}

std::vector<kernel_code> read_cubin(const std::string &path) {
  std::string file = read_file(path);
  Elf64_Ehdr header = at<Elf64_Ehdr>(file, 0);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_CUDA) stop(path + " is no cubin");
  auto section = [&](size_t n) { return at<Elf64_Shdr>(file, header.e_shoff + n * header.e_shentsize); };
  Elf64_Shdr names = section(header.e_shstrndx);
  std::vector<kernel_code> kernels;
  for (size_t n = 0; n < header.e_shnum; n++) {
    Elf64_Shdr s = section(n);
    std::string name = file.c_str() + names.sh_offset + s.sh_name;
    if (name.compare(0, 6, ".text.") != 0) continue;
    // CUDA 13: the architecture stands in the second byte.
    kernel_code kernel = {name.substr(6), static_cast<int>(header.e_flags >> 8 & 0xff), {}};
    for (size_t i = 0; i + sizeof(instruction) <= s.sh_size; i += sizeof(instruction)) {
      kernel.instructions.push_back(at<instruction>(file, s.sh_offset + i));
    }
    kernels.push_back(kernel);
  }
  return kernels;
}

std::vector<kernel_report> read_report(const std::string &path) {
  std::istringstream lines(read_file(path));
  std::vector<kernel_report> reports;
  kernel_report now = {};
  for (std::string line; std::getline(lines, line);) {
    char symbol[1024];
    int architecture, stores, loads, registers;
    if (sscanf(line.c_str(), "ptxas info    : Compiling entry function '%1023[^']' for 'sm_%d", symbol,
               &architecture) == 2) {
      now = {symbol, architecture, 0, 0};
    } else if (sscanf(line.c_str(), " %*d bytes stack frame, %d bytes spill stores, %d bytes spill loads", &stores,
                      &loads) == 2) {
      now.spilled_bytes = stores + loads;
    } else if (sscanf(line.c_str(), "ptxas info    : Used %d registers", &registers) == 1) {
      now.registers = registers;
      reports.push_back(now);
    }
  }
  return reports;
}

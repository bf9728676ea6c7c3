// SPDX-License-Identifier: Apache-2.0
// Counts what a build's kernels are made of, as a table, one line for each kernel and architecture that ships.
//
// cuda_counts BUILD/native/cuda VERSION FILE           compares the table with FILE; VERSION is the compiler's
// cuda_counts BUILD/native/cuda VERSION FILE --write   writes it there
//
// Exit status: 0 = as in the file, 1 = not, 2 = the build cannot be read, 77 = there is no such file, or it is
// another compiler's.
#include <cxxabi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "cuda/linear/linear.h"
#include "cuda/sdpa/kernels.h"
#include "loop.h"
#include "rapt/base.h"

namespace {

constexpr int not_comparable = 77;

// Per multiprocessor.
struct machine {
  int64_t registers;
  // Bytes; a kernel's block takes 1024 for the system beside its own.
  int64_t shared;
};

machine machine_of(int architecture) {
  constexpr int64_t kib = 1024;
  return {65536, architecture == 90 ? 228 * kib : architecture == 80 ? 164 * kib : 100 * kib};
}

// What is compiled into a kernel's name decides how many threads and how much shared memory its blocks have.
struct block_size {
  int64_t threads;
  int64_t shared;
};

bool shared_of_tiles(const std::string &name, block_size *block) {
  char type[16], options[16];
  int dim, blocks, row_warps, key_warps, keys;
  if (sscanf(name.c_str(), "attention_mma<mma_tiles<%15[a-z0-9], %d, %d, %d, %d, %d, %15[a-z]>", type, &dim, &blocks,
             &row_warps, &key_warps, &keys, options) != 7) {
    return false;
  }
  int32_t dtype = strcmp(type, "bf16") == 0 ? RAPT_BF16 : RAPT_F16;
  block->threads = row_warps * key_warps * 32;
  for (int32_t k = 0; k < kernels::mma_kernels; k++) {
    kernels::sdpa_shape shape = kernels::sdpa_shape_of(k, dtype);
    bool special = kernels::sdpa_table.of[k].special != kernels::only::no;
    if (shape.values == dim && shape.rows == 16 * blocks * row_warps && shape.keys == keys &&
        special == (strcmp(options, "true") == 0)) {
      block->shared = shape.shared;
      return true;
    }
  }
  return false;
}

bool block_of(const std::string &name, block_size *block) {
  int rows, keys;
  if (shared_of_tiles(name, block)) return true;
  if (sscanf(name.c_str(), "attention_simt<simt_tiles<%d, %d,", &rows, &keys) == 2) {
    bool decode = kernels::sdpa_shape_of(kernels::simt_decode, RAPT_F32).rows == rows;
    *block = {256, kernels::sdpa_shape_of(decode ? kernels::simt_decode : kernels::simt_prefill, RAPT_F32).shared};
    return true;
  }
  if (name.compare(0, 11, "linear_mma<") == 0) {
    *block = {128, rapt_cuda_linear_shape_of(RAPT_CUDA_LINEAR_MMA).shared};
    return true;
  }
  if (name == "linear_simt") {
    *block = {256, rapt_cuda_linear_shape_of(RAPT_CUDA_LINEAR_SIMT).shared};
    return true;
  }
  return false;
}

// "attention_mma<mma_tiles<bf16, 64, 2, 4, 1, 64, false>>" of a symbol.
std::string name_of(const std::string &symbol) {
  int status = 0;
  char *text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string name = text != nullptr ? text : symbol;
  free(text);
  for (const char *gone : {"void ", "kernels::", "gpu::", "(anonymous namespace)::"}) {
    for (size_t at; (at = name.find(gone)) != std::string::npos;) name.erase(at, strlen(gone));
  }
  for (size_t at; (at = name.find("> >")) != std::string::npos;) name.erase(at + 1, 1);
  return name.substr(0, name.find('('));
}

// Blocks that fit into a multiprocessor; "-" where a kernel's shared memory is not known here.
std::string blocks_of(const std::string &name, int architecture, int registers) {
  block_size block;
  if (!block_of(name, &block)) return "-";
  machine m = machine_of(architecture);
  // Registers are given out by warps, eight at a time for each thread.
  int64_t by_registers = m.registers / ((registers + 7) / 8 * 8 * block.threads);
  return std::to_string(std::min(by_registers, m.shared / (block.shared + 1024)));
}

struct build {
  std::vector<kernel_code> code;
  std::map<std::pair<std::string, int>, kernel_report> reports;
};

build read_build(const std::string &folder) {
  build b;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string path = entry.path().string();
    if (entry.path().extension() == ".cubin") {
      for (const kernel_code &kernel : read_cubin(path)) b.code.push_back(kernel);
    } else if (path.size() > 10 && path.compare(path.size() - 10, 10, ".ptxas.txt") == 0) {
      for (const kernel_report &report : read_report(path)) b.reports[{report.symbol, report.architecture}] = report;
    }
  }
  if (b.code.empty()) stop("there is no cubin under " + folder);
  return b;
}

const char heading[] = "# Counted in the code of nvcc ";

std::string table_of(const std::string &folder, const std::string &version) {
  build b = read_build(folder);
  std::vector<std::string> lines;
  for (const kernel_code &kernel : b.code) {
    auto report = b.reports.find({kernel.symbol, kernel.architecture});
    if (report == b.reports.end()) stop("ptxas has not reported " + kernel.symbol);
    std::string name = name_of(kernel.symbol);
    loop_counts loop = count_loop(kernel);
    std::ostringstream line;
    line << name << "\tsm_" << kernel.architecture << '\t' << report->second.registers << '\t'
         << report->second.spilled_bytes << '\t' << blocks_of(name, kernel.architecture, report->second.registers)
         << '\t' << kernel.instructions.size() << '\t' << loop.all << '\t' << loop.mma << '\t' << loop.ldmatrix << '\t'
         << loop.special << '\t' << loop.copies << '\t' << loop.fma << '\n';
    lines.push_back(line.str());
  }
  std::sort(lines.begin(), lines.end());
  std::string table = heading + version +
                      ", not measured. Written by the test cuda_counts, which says how. Per warp; a round is the\n"
                      "# shortest one of the loop that multiplies: of attention a plain tile, of plain cores a step of "
                      "the innermost loop.\n"
                      "kernel\tarchitecture\tregisters\tspilled bytes\tblocks a multiprocessor\tinstructions\tof a "
                      "round\tmma\tldmatrix\tspecial functions\tcp.async\tf32 multiply-adds\n";
  for (const std::string &line : lines) table += line;
  return table;
}

std::string read_table(const std::string &path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Prints the lines that only one of the tables has.
void print_differences(const std::string &kept, const std::string &now) {
  std::map<std::string, int> lines;
  std::istringstream old_lines(kept), new_lines(now);
  for (std::string line; std::getline(old_lines, line);) lines[line]--;
  for (std::string line; std::getline(new_lines, line);) lines[line]++;
  for (const auto &line : lines) {
    if (line.second == 0) continue;
    fprintf(stderr, "%s %s\n", line.second < 0 ? "in the file:" : "now:        ", line.first.c_str());
  }
}

}  // namespace

int main(int count, char **arguments) {
  if (count < 4) stop("usage: cuda_counts BUILD/native/cuda VERSION FILE [--write]");
  std::string path = arguments[3];
  if (count > 4 && strcmp(arguments[4], "--write") == 0) {
    std::ofstream(path) << table_of(arguments[1], arguments[2]);
    return 0;
  }
  // What another compiler wrote may not be readable here.
  std::string kept = read_table(path), first = std::string(heading) + arguments[2];
  if (kept.empty()) {
    printf("left out: there is no %s yet; to write it: %s %s %s %s --write\n", path.c_str(), arguments[0], arguments[1],
           arguments[2], path.c_str());
    return not_comparable;
  }
  if (kept.compare(0, first.size() + 1, first + ",") != 0) {
    printf("left out: %s is of another compiler than nvcc %s\n", path.c_str(), arguments[2]);
    return not_comparable;
  }
  std::string now = table_of(arguments[1], arguments[2]);
  if (kept == now) return 0;
  print_differences(kept, now);
  fprintf(stderr, "where this is meant: %s %s %s %s --write\n", arguments[0], arguments[1], arguments[2], path.c_str());
  return 1;
}

// SPDX-License-Identifier: Apache-2.0
// The words of the kernels' vocabulary (cuda/gpu/gpu.h), each as a kernel of its own that a GPU runs, and what it
// should say. Layouts are written out from the PTX manual's formulas and shared with no kernel.
#ifndef RAPT_CUDA_SELFCHECK_WORDS_H
#define RAPT_CUDA_SELFCHECK_WORDS_H

#include "cuda/selfcheck/room.h"

enum rapt_cuda_word : int {
  RAPT_CUDA_WORD_SHUFFLE,
  RAPT_CUDA_WORD_BARRIER,
  RAPT_CUDA_WORD_LOAD,
  RAPT_CUDA_WORD_LOAD_TRANSPOSED,
  RAPT_CUDA_WORD_MULTIPLY_F16,
  RAPT_CUDA_WORD_MULTIPLY_BF16,
  RAPT_CUDA_WORD_COPY,
  RAPT_CUDA_WORD_EXPONENTIAL,
  RAPT_CUDA_WORD_F16,
  RAPT_CUDA_WORD_BF16,
  RAPT_CUDA_WORD_PRODUCT,
  RAPT_CUDA_WORDS
};

constexpr uint32_t rapt_cuda_word_bit(rapt_cuda_word word) { return uint32_t{1} << word; }

// "ldmatrix.trans", for a sentence.
const char *rapt_cuda_word_name(int word);

// What a word's kernel takes, how many numbers it gives, and what is wrong with these, if anything.
std::vector<uint32_t> rapt_cuda_word_inputs(int word);
size_t rapt_cuda_word_outputs(int word);
rapt_cuda_complaint rapt_cuda_judge_word(int word, const std::vector<uint32_t> &in, const std::vector<uint32_t> &out);

// How its kernel is started.
struct rapt_cuda_words_parameters {
  const uint32_t *in;
  uint32_t *out;
  // How many items there are.
  int64_t count;
};
int rapt_cuda_prepare_words();
int rapt_cuda_launch_word(int word, const rapt_cuda_words_parameters &a, gpu_stream stream);

#endif

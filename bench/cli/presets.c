// SPDX-License-Identifier: Apache-2.0
#include "problem.h"

#define OPEN \
  { -1, -1 }

// batch, heads, kv_heads, q_len, kv_len, head_dim, value_dim, causal, window, dtype (f32), kv_dtype (as dtype).
const bench_preset bench_presets[] = {
    {"bert-base", "BERT-base, one sequence of 512", {1, 12, 12, 512, 512, 64, 64, CAUSAL_NONE, OPEN, 0, 0}},
    {"bert-base-batch", "BERT-base, 8 sequences of 128", {8, 12, 12, 128, 128, 64, 64, CAUSAL_NONE, OPEN, 0, 0}},
    {"minilm", "all-MiniLM-L6-v2, one sentence of 32 tokens", {1, 12, 12, 32, 32, 32, 32, CAUSAL_NONE, OPEN, 0, 0}},
    {"llama-3-8b-prefill",
     "Llama-3-8B, prompt of 1024",
     {1, 32, 8, 1024, 1024, 128, 128, CAUSAL_BOTTOM_RIGHT, OPEN, 0, 0}},
    {"llama-3-8b-decode", "Llama-3-8B, one token after 4095", {1, 32, 8, 1, 4096, 128, 128, CAUSAL_NONE, OPEN, 0, 0}},
    {"llama-3-8b-decode-batch",
     "Llama-3-8B, one token each for 8 sequences of 1024",
     {8, 32, 8, 1, 1024, 128, 128, CAUSAL_NONE, OPEN, 0, 0}},
    {"long-context", "prompt of 16384, 8 heads", {1, 8, 8, 16384, 16384, 64, 64, CAUSAL_BOTTOM_RIGHT, OPEN, 0, 0}},
    {"long-context-131072",
     "prompt of 131072, 8 heads; minutes per run",
     {1, 8, 8, 131072, 131072, 64, 64, CAUSAL_BOTTOM_RIGHT, OPEN, 0, 0}},
    {"long-context-decode", "one token after 131071", {1, 32, 8, 1, 131072, 128, 128, CAUSAL_NONE, OPEN, 0, 0}},
    {"sliding-window",
     "prompt of 16384, window of 4096",
     {1, 8, 2, 16384, 16384, 128, 128, CAUSAL_BOTTOM_RIGHT, {4095, 0}, 0, 0}},
    {NULL, NULL, {0, 0, 0, 0, 0, 0, 0, CAUSAL_NONE, OPEN, 0, 0}},
};

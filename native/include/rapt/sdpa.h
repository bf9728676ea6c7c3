/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sdpa.h
 * @brief Scaled dot-product attention.
 */
#ifndef RAPT_SDPA_H
#define RAPT_SDPA_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of rapt_sdpa_options.flags. */
enum {
  /** Use options.scale; without it the scale is 1/sqrt(head_dim). */
  RAPT_SCALE = 1,
  /** Key j is visible to query i only where j <= i + position. */
  RAPT_CAUSAL = 2,
  /** Key j is visible to query i only where i + position - window_left <= j <= i + position + window_right. */
  RAPT_WINDOW = 4,
  /**
   * Query 0 stands at the number of keys less the number of queries, of each sample by itself, so that a sample's last
   * query stands at its last key (FlashAttention 2.1 and newer, FlashInfer). options.position is then 0, and positions
   * are not given.
   */
  RAPT_BOTTOM_RIGHT = 8
};

/** Which scores the weights output receives; the four stages of ONNX Attention's qk_matmul_output_mode. */
enum {
  /** Scale times query times key, for every key, masked or not. */
  RAPT_WEIGHTS_RAW = 0,
  /** After softcap, for every key, masked or not. */
  RAPT_WEIGHTS_SOFTCAP = 1,
  /** After bias, ALiBi and masks; -inf where masked. */
  RAPT_WEIGHTS_BIAS = 2,
  /** After softmax: the attention weights; 0 where masked. */
  RAPT_WEIGHTS_SOFTMAX = 3
};

/** How scores become weights, for rapt_sdpa and rapt_mha. All zero is plain attention. */
typedef struct rapt_sdpa_options {
  /**
   * Position of query 0 among the keys, for causal, window and ALiBi: 0 is top-left (PyTorch, ONNX without
   * cache), the number of keys less that of queries is bottom-right, see RAPT_BOTTOM_RIGHT. Any value, negative too.
   */
  int64_t position;
  /** With RAPT_WINDOW: how many keys to the left and right of a query's position are visible; -1 = all of them. */
  int64_t window_left;
  int64_t window_right;
  /** With RAPT_SCALE: any finite value. */
  float scale;
  /** c of c * tanh(score / c), which comes before bias and masks; finite and positive, or 0 = off. */
  float softcap;
  /** Bits of RAPT_SCALE, RAPT_CAUSAL, RAPT_WINDOW and RAPT_BOTTOM_RIGHT. */
  int32_t flags;
  /** RAPT_WEIGHTS_*; matters only where a weights output is given. */
  int32_t weights_stage;
  /** 0. */
  int64_t reserved[4];
} rapt_sdpa_options;

/**
 * output = softmax(softcap(scale * query . key^T) + bias - alibi, masked) . value
 *
 * Query head h reads kv head h / (query_heads / kv_heads); query_heads is a multiple of kv_heads. A row without a
 * visible key gives output 0, weights 0 and LSE -inf, with sinks too. A key that is not masked but has score -inf has
 * weight 0. Masked keys and values never reach a result, whatever they hold, NaN included. Definition: Vaswani et al.
 * 2017, section 3.2.1; algorithm: Dao 2023 (FlashAttention-2), with Milakov and Gimelshein 2018 (online softmax).
 *
 * Accuracy: scores, weights and sums are f32. A sum over more than some thousands of keys goes on in double, so that
 * its error does not grow with kv_len. A CUDA plan with "_mma" in its name runs on tensor cores, which take the weights
 * rounded to the dtype of query, key and value: an output may be off by 2^-11 (f16) or 2^-8 (bf16) of the sum of
 * weight * |value|, besides its own rounding. LSE and the weights output come from weights that are not rounded.
 *
 * Samples of different lengths, in one call: key_lengths, query_starts, key_starts and page_table, below. Each sample
 * has the bits that it has in a call of its own, whatever the rest of the batch, the page size and the order of the
 * pages. A sample without queries has no output; one without keys has output 0. On the CPU indices are checked in a
 * run, before anything is written. CUDA does not look at them before its kernels do: they bring starts and lengths into
 * their range, a page that does not exist makes the rows that see its keys NaN, and nothing outside is read. Its
 * kernels for such calls run on plain cores ("sdpa_mixed_..._cuda_simt" in the plan's name) and do not split keys: a
 * sample has the bits of such a call of its own, which a call for samples of one size need not have.
 */
typedef struct rapt_sdpa {
  rapt_head head;
  /** (batch, query_heads, query_len, head_dim), f32, f16 or bf16. */
  rapt_tensor query;
  /** (batch, kv_heads, kv_len, head_dim), f32, f16, bf16, or i8 with key_scale. Where query and key are both bf16, the
   * tier avx512bf16 takes denormals (magnitudes below 2^-126) as 0, in both and in the sums of their products. On CUDA
   * an i8 key or value is computed on plain cores, which the plan's name says (_i8_cuda_simt): slower than bf16 on
   * tensor cores, though it takes half the memory. */
  rapt_tensor key;
  /**
   * With an i8 key, and only then: (batch, kv_heads, kv_len, key_scale_groups), f32; stride 0 broadcasts. Element d of
   * a key row stands for key[d] * key_scale[d / (head_dim / key_scale_groups)]: one group is a scale per token and
   * head, head_dim / 32 groups are blocks of 32.
   */
  rapt_tensor key_scale;
  /** (batch, kv_heads, kv_len, value_dim), f32, f16, bf16, or i8 with value_scale. */
  rapt_tensor value;
  /** The same for an i8 value: (batch, kv_heads, kv_len, value_scale_groups), f32. */
  rapt_tensor value_scale;
  /** (batch, query_heads, query_len, value_dim), f32, f16 or bf16, written; overlaps no input and not itself. */
  rapt_tensor output;
  /** Optional (batch, query_heads, query_len, kv_len), bool, true = attend; stride 0 broadcasts. */
  rapt_tensor mask;
  /** Optional (batch, query_heads, query_len, kv_len), f32, f16 or bf16, added after softcap; -inf masks a key. Stride
   * 0 broadcasts. */
  rapt_tensor bias;
  /**
   * Optional (batch, query_heads), f32: subtracts slope * |i + position - j| from the score of query i and key j
   * (Press et al. 2022).
   */
  rapt_tensor alibi_slopes;
  /** Optional (batch, query_heads), f32: a logit that is part of the softmax's sum and of nothing else. */
  rapt_tensor sinks;
  /** Optional (batch, query_heads, query_len), f32, written: ln of the sum of exp(score), the sink included. */
  rapt_tensor lse;
  /**
   * Optional (batch, query_heads, query_len, kv_len), f32, f16 or bf16, written: the scores at options.weights_stage,
   * computed in f32 and rounded once, to nearest even. At RAPT_WEIGHTS_SOFTMAX scratch holds the scores of a 16-bit
   * output as f32 until the sums of their rows are known: on the CPU 4 bytes times kv_len times at most 32 rows for
   * each thread, on CUDA 4 bytes for each element. On the CPU so does an f32 output whose last stride is not 1.
   */
  rapt_tensor weights;
  /** Optional (batch), i32 or i64: the position of each sample's query 0, in place of options.position, which is then
   * 0. */
  rapt_tensor positions;
  /** Sizes; 0 is allowed for batch, query_len and kv_len; both head dims are 1 to 1024. */
  int64_t batch;
  int64_t query_heads;
  int64_t kv_heads;
  int64_t query_len;
  int64_t kv_len;
  int64_t head_dim;
  int64_t value_dim;
  /** Scale groups in a row of key_scale, a divisor of head_dim, and of value_scale, a divisor of value_dim; 0 counts as
   * 1. Both are 0 where the scale is absent. */
  int64_t key_scale_groups;
  int64_t value_scale_groups;
  rapt_sdpa_options options;

  /**
   * Optional (batch), i32 or i64: how many keys each sample has, 0 to kv_len, or to those that key_starts gives it.
   * Keys and values behind them are not read, and need not be memory. In the weights output they are -inf or, at
   * RAPT_WEIGHTS_SOFTMAX, 0.
   */
  rapt_tensor key_lengths;
  /**
   * Optional (batch + 1), i32 or i64: ragged queries. Sample b has the tokens query_starts[b] up to query_starts[b + 1]
   * of query, output and lse, which are (1, query_heads, total_queries, ...), and of weights, (1, query_heads,
   * total_queries, kv_len). query_len is then the most that a sample has. mask and bias keep their shape: their query
   * and key are counted within the sample. The starts do not fall; tokens of no sample are not read and not written.
   */
  rapt_tensor query_starts;
  /**
   * Optional (batch + 1), i32 or i64: ragged keys. Sample b has the tokens key_starts[b] up to key_starts[b + 1] of
   * key, value and their scales, which are (1, kv_heads, total_keys, ...). kv_len is then the most that a sample has.
   */
  rapt_tensor key_starts;
  /**
   * Optional (batch, max_pages), i32 or i64, with key_lengths and without key_starts: paged keys. key, value and their
   * scales are (pages, kv_heads, page_size, ...); key j of sample b is row j % page_size of page
   * page_table[b][j / page_size]. The strides say how a page is laid out (HND or NHD), and let pages of K and V, or of
   * several layers, take turns in one allocation. Samples may share pages. kv_len is the most keys that a sample may
   * have, at most max_pages * page_size. Entries behind a sample's last key are not read.
   */
  rapt_tensor page_table;
  /** With query_starts, and only then: the tokens of query; query_len is at most this. */
  int64_t total_queries;
  /** With key_starts, and only then: the tokens of key; kv_len is at most this. */
  int64_t total_keys;
  /** With page_table, and only then: the number of pages, the keys of one, 1 or more, and the entries of a sample. */
  int64_t pages;
  int64_t page_size;
  int64_t max_pages;
} rapt_sdpa;

/** rapt_plan_call and rapt_run_call for RAPT_SDPA. */
RAPT_API rapt_status rapt_sdpa_plan(const rapt_context *context, const rapt_sdpa *call, rapt_plan *plan,
                                    rapt_error *error);
RAPT_API rapt_status rapt_sdpa_run(rapt_context *context, const rapt_sdpa *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_SDPA_H */

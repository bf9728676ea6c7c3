// SPDX-License-Identifier: Apache-2.0
#include "cuda/selfcheck/pieces.h"

#include <algorithm>

#include "cuda/linear/linear.h"
#include "cuda/merge/merge.h"
#include "cuda/rope/rope.h"
#include "cuda/runtime/rows.h"
#include "cuda/runtime/verdict.h"
#include "cuda/selfcheck/bound.h"
#include "cuda/selfcheck/sample.h"

namespace {

using numbers = std::vector<double>;
using sample = rapt_cuda_sample;

// Two tiles of rows and of columns with rests, and two steps and a rest in depth.
struct product_shape {
  int64_t rows, in, out;
  int32_t input, weight, output;
};

rapt_cuda_complaint check_product(int32_t kernel, const product_shape &s, rapt_cuda_room *room) {
  room->begin();
  sample input(s.input, {1, 2, s.rows, s.in}, 5), weight(s.weight, {1, 1, s.out, s.in}, 6),
      bias(RAPT_F32, {1, 1, 1, s.out}, 7), output(s.output, {1, 2, s.rows, s.out}, 0);
  rapt_tensor in = input.put(room), out = output.put(room);
  rapt_cuda_linear_weights weights = {};
  weights.head.in_features = s.in;
  weights.head.out_features = s.out;
  weights.dtype = s.weight;
  weights.weight = weight.put(room).data;
  weights.bias = static_cast<float *>(bias.put(room).data);
  rapt_product p = {};
  p.weights = &weights.head;
  p.input = {in.data, {s.rows * s.in, s.in, 1}, in.dtype, 0};
  p.output = {out.data, {s.rows * s.out, s.out, 1}, out.dtype, 0};
  p.batch = 2;
  p.rows = s.rows;
  rapt_cuda_linear plan;
  rapt_cuda_plan_linear(p, kernel, &plan);
  room->launch([&](gpu_stream stream) { return rapt_cuda_launch_linear(plan, p, stream); });
  rapt_cuda_complaint complaint = room->finish();
  if (!complaint.empty()) return complaint;
  output.get(room, out);
  numbers right, error, terms(static_cast<size_t>(s.in + 1)), alike;
  for (int64_t o = 0; o < s.out; o++) {
    for (int64_t i = 0; i < s.in; i++) terms[static_cast<size_t>(i)] = weight.at(o * s.in + i);
    alike.push_back(bound_repeats(terms.data(), s.in));
  }
  for (int64_t r = 0; r < 2 * s.rows; r++) {
    for (int64_t i = 0; i < s.in; i++) terms[static_cast<size_t>(i)] = input.at(r * s.in + i);
    double repeats = bound_repeats(terms.data(), s.in);
    for (int64_t o = 0; o < s.out; o++) {
      double sum = bias.at(o);
      terms[static_cast<size_t>(s.in)] = sum;
      for (int64_t i = 0; i < s.in; i++) {
        sum += terms[static_cast<size_t>(i)] = input.at(r * s.in + i) * weight.at(o * s.in + i);
      }
      right.push_back(sum);
      error.push_back(bound_sum(terms.data(), s.in + 1, std::min(repeats, alike[static_cast<size_t>(o)]), 0));
    }
  }
  return output.compare("the output", right, error);
}

struct rotation {
  int64_t head_dim, rotary_dim;
  int32_t input, output, angles;
  bool interleaved, positions;
};

constexpr int64_t rope_batch = 2, rope_heads = 5, rope_length = 3, rope_table = 7;

rapt_cuda_complaint check_rotation(int32_t kernel, const rotation &s, rapt_cuda_room *room) {
  room->begin();
  const int64_t pairs = s.rotary_dim / 2, angle_rows = s.positions ? rope_table : rope_batch * rope_length;
  sample input(s.input, {rope_batch, rope_heads, rope_length, s.head_dim}, 8),
      output(s.output, {rope_batch, rope_heads, rope_length, s.head_dim}, 0),
      cosine(s.angles, {1, 1, angle_rows, pairs}, 9), sine(s.angles, {1, 1, angle_rows, pairs}, 10);
  int32_t positions[rope_batch * rope_length] = {3, 0, 6, 1, 5, 2};
  rapt_rope c = {};
  c.input = input.put(room);
  c.output = output.put(room);
  rapt_tensor tables[] = {cosine.put(room), sine.put(room)};
  for (rapt_tensor &t : tables) {
    t.stride[0] = s.positions ? pairs : rope_length * pairs;
    t.stride[1] = s.positions ? 1 : pairs;
    t.stride[2] = 1;
  }
  c.cosine = tables[0];
  c.sine = tables[1];
  if (s.positions) {
    c.positions = {room->put(positions, sizeof positions), {rope_length, 1}, RAPT_I32, 0};
    c.table_length = rope_table;
  }
  c.batch = rope_batch;
  c.heads = rope_heads;
  c.length = rope_length;
  c.head_dim = s.head_dim;
  c.rotary_dim = s.rotary_dim;
  c.flags = s.interleaved ? RAPT_ROPE_INTERLEAVED : 0;
  rapt_cuda_rope plan = {kernel, kernel == RAPT_CUDA_ROPE_VECTOR ? 2 : 1};
  room->launch([&](gpu_stream stream) { return rapt_cuda_launch_rope(plan, c, stream); });
  rapt_cuda_complaint complaint = room->finish();
  if (!complaint.empty()) return complaint;
  output.get(room, c.output);
  numbers right(static_cast<size_t>(input.count())), error(right.size());
  for (int64_t row = 0; row < rope_batch * rope_heads * rope_length; row++) {
    int64_t b = row / (rope_heads * rope_length), token = row % rope_length, first = row * s.head_dim;
    int64_t angle = b * rope_length + token;
    if (s.positions) angle = positions[angle];
    for (int64_t d = 0; d < s.head_dim; d++) right[static_cast<size_t>(first + d)] = input.at(first + d);
    for (int64_t pair = 0; pair < pairs; pair++) {
      int64_t i = first + (s.interleaved ? 2 * pair : pair), j = s.interleaved ? i + 1 : i + pairs;
      double cos = cosine.at(angle * pairs + pair), sin = sine.at(angle * pairs + pair);
      double x = input.at(i), y = input.at(j), turned[2][2] = {{cos * x, -sin * y}, {sin * x, cos * y}};
      for (int n = 0; n < 2; n++) {
        size_t at = static_cast<size_t>(n == 0 ? i : j);
        right[at] = turned[n][0] + turned[n][1];
        error[at] = bound_sum(turned[n], 2, 2, 0);
      }
    }
  }
  return output.compare("the output", right, error);
}

// What merging gives is a softmax over the parts, whose scores are their LSE.
rapt_cuda_complaint check_merging(int32_t partial, int32_t type, rapt_cuda_room *room) {
  constexpr int64_t parts = 3, rows = 2 * 3, dim = 40;
  room->begin();
  sample from(partial, {parts, 1, rows, dim}, 12), lse(RAPT_F32, {parts, 1, rows, 1}, 13),
      output(type, {1, 1, rows, dim}, 0), merged(RAPT_F32, {1, 1, rows, 1}, 0);
  // One part saw nothing for the first row.
  lse.set(0, -INFINITY);
  rapt_merge c = {};
  c.partial_output = from.put(room);
  c.partial_lse = lse.put(room);
  c.output = output.put(room);
  c.lse = merged.put(room);
  // Two heads of three queries.
  const int64_t queries = rows / 2;
  const int64_t of_parts[] = {rows * dim, rows * dim, queries * dim, dim, 1};
  const int64_t of_lse[] = {rows, rows, queries, 1};
  std::copy(of_parts, of_parts + 5, c.partial_output.stride);
  std::copy(of_parts + 1, of_parts + 5, c.output.stride);
  std::copy(of_lse, of_lse + 4, c.partial_lse.stride);
  std::copy(of_lse + 1, of_lse + 4, c.lse.stride);
  c.parts = parts;
  c.batch = 1;
  c.heads = 2;
  c.query_len = queries;
  c.value_dim = dim;
  room->launch([&](gpu_stream stream) { return rapt_cuda_launch_merge(c, rows, stream); });
  rapt_cuda_complaint complaint = room->finish();
  if (!complaint.empty()) return complaint;
  output.get(room, c.output);
  merged.get(room, c.lse);
  numbers right, error, right_lse, lse_error;
  for (int64_t row = 0; row < rows; row++) {
    double weight[parts], change[parts], score[parts], top = -INFINITY, total = 0;
    for (int64_t n = 0; n < parts; n++) top = std::max(top, score[n] = lse.at(n * rows + row));
    for (int64_t n = 0; n < parts; n++) total += exp(score[n] - top);
    for (int64_t n = 0; n < parts; n++) {
      weight[n] = exp(score[n] - top) / total;
      change[n] = weight[n] > 0 ? bound_change(weight[n], bound_argument(0, top - score[n])) : 0;
    }
    bound_softmax s = {};
    s.keys = parts;
    s.repeats = parts;
    s.weight = weight;
    s.change = change;
    s.sum = bound_sum(weight, parts, parts, parts);
    s.roundings = parts;
    right_lse.push_back(top + log(total));
    lse_error.push_back(bound_lse(right_lse.back(), top, bound_total(&s)));
    for (int64_t d = 0; d < dim; d++) {
      double value[parts], product[parts], sum = 0;
      for (int64_t n = 0; n < parts; n++) {
        value[n] = from.at((n * rows + row) * dim + d);
        sum += product[n] = weight[n] * value[n];
      }
      bound_column column = {value, product, nullptr, parts, sum};
      right.push_back(sum);
      error.push_back(bound_output(&s, &column));
    }
  }
  complaint = output.compare("the output", right, error);
  return complaint.empty() ? merged.compare("LSE", right_lse, lse_error) : complaint;
}

rapt_cuda_complaint check_copy(rapt_cuda_room *room) {
  constexpr int64_t rows = 5, columns = 67;
  for (int32_t type : {RAPT_F32, RAPT_F16, RAPT_BF16}) {
    room->begin();
    sample from(RAPT_F32, {1, 1, columns, rows}, 14), to(type, {1, 1, rows, columns}, 0);
    rapt_tensor input = from.put(room), output = to.put(room);
    // Read column by column.
    input.stride[0] = 1;
    input.stride[1] = rows;
    output.stride[0] = columns;
    output.stride[1] = 1;
    room->launch([&](gpu_stream stream) { return rapt_cuda_copy_rows(input, output, rows, columns, stream); });
    rapt_cuda_complaint complaint = room->finish();
    if (!complaint.empty()) return complaint;
    to.get(room, output);
    numbers right;
    for (int64_t i = 0; i < rows * columns; i++) right.push_back(from.at(i % columns * rows + i / columns));
    complaint = to.compare("the copy", right, numbers(right.size()));
    if (!complaint.empty()) return complaint;
  }
  return "";
}

rapt_cuda_complaint check_mean(rapt_cuda_room *room) {
  constexpr int64_t heads = 3, rows = 4, head_rows = 5, keys = 67;
  room->begin();
  sample from(RAPT_F32, {1, heads, head_rows, keys}, 15), to(RAPT_F32, {1, 1, rows, keys}, 0);
  rapt_tensor input = from.put(room), output = to.put(room);
  output.stride[0] = keys;
  output.stride[1] = 1;
  rapt_cuda_mean mean = {static_cast<const float *>(input.data), output, heads, head_rows, rows, keys};
  room->launch([&](gpu_stream stream) { return rapt_cuda_mean_over_heads(mean, stream); });
  rapt_cuda_complaint complaint = room->finish();
  if (!complaint.empty()) return complaint;
  to.get(room, output);
  numbers right, error;
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t key = 0; key < keys; key++) {
      double terms[heads], sum = 0;
      for (int64_t h = 0; h < heads; h++) sum += terms[h] = from.at(from.index(0, h, row, key)) / heads;
      right.push_back(sum);
      error.push_back(bound_sum(terms, heads, heads, 0));
    }
  }
  return to.compare("the mean", right, error);
}

}  // namespace

rapt_cuda_complaint rapt_cuda_check_linear(int32_t kernel, int32_t dtype, rapt_cuda_room *room) {
  std::vector<product_shape> shapes = {{70, 136, 140, dtype, dtype, dtype}, {3, 72, 20, dtype, dtype, RAPT_F32}};
  if (kernel == RAPT_CUDA_LINEAR_SIMT) {
    shapes = {{35, 37, 70, RAPT_F32, RAPT_F32, RAPT_F32}, {3, 70, 11, RAPT_F32, RAPT_F16, RAPT_BF16}};
  }
  for (const product_shape &s : shapes) {
    rapt_cuda_complaint complaint = check_product(kernel, s, room);
    if (!complaint.empty()) return complaint;
  }
  return "";
}

rapt_cuda_complaint rapt_cuda_check_rope_scalar(rapt_cuda_room *room) {
  rapt_cuda_complaint complaint =
      check_rotation(RAPT_CUDA_ROPE_SCALAR, {7, 6, RAPT_F32, RAPT_BF16, RAPT_F32, false, true}, room);
  if (!complaint.empty()) return complaint;
  return check_rotation(RAPT_CUDA_ROPE_SCALAR, {10, 6, RAPT_F16, RAPT_F16, RAPT_BF16, true, false}, room);
}

rapt_cuda_complaint rapt_cuda_check_rope_vector(int32_t dtype, int32_t angles, bool interleaved, rapt_cuda_room *room) {
  return check_rotation(RAPT_CUDA_ROPE_VECTOR, {48, 32, dtype, dtype, angles, interleaved, interleaved}, room);
}

rapt_cuda_complaint rapt_cuda_check_merge(rapt_cuda_room *room) {
  rapt_cuda_complaint complaint = check_merging(RAPT_F32, RAPT_F32, room);
  return complaint.empty() ? check_merging(RAPT_BF16, RAPT_F16, room) : complaint;
}

rapt_cuda_complaint rapt_cuda_check_rows(int kernel, rapt_cuda_room *room) {
  return kernel == RAPT_CUDA_ROWS_COPY ? check_copy(room) : check_mean(room);
}

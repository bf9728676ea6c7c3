// SPDX-License-Identifier: Apache-2.0
// The self-check: every word of the kernels' vocabulary and every kernel on this very GPU, once for each GPU, driver
// and build of the plug-in (remembered.h). What it covers is written in words.h, attention.h and pieces.h: tiny
// problems, which tell a wrong instruction, layout or order from a right one, and no more. It finds no race that shows
// once in a million and no fault of sizes that it does not try, and does not come back from a kernel that never ends.
//
// It works in a CUDA context of its own (room.h). A kernel that faults there is left out, and the check goes on in
// another context. Where the driver refuses that, because the fault has cost the process its GPU, this process cannot
// use the device; the verdict so far is remembered as incomplete, and the next process checks the rest.
#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "cuda/linear/linear.h"
#include "cuda/rope/rope.h"
#include "cuda/runtime/choice.h"
#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"
#include "cuda/sdpa/sdpa.h"
#include "cuda/selfcheck/attention.h"
#include "cuda/selfcheck/pieces.h"
#include "cuda/selfcheck/remembered.h"
#include "cuda/selfcheck/words.h"

namespace {

static_assert(rapt_cuda_sdpa_numbered <= 64 && rapt_cuda_linear_numbered <= 64 && rapt_cuda_rope_numbered <= 64,
              "a set of a family's kernels is a word");

constexpr uint32_t conversions = rapt_cuda_word_bit(RAPT_CUDA_WORD_F16) | rapt_cuda_word_bit(RAPT_CUDA_WORD_BF16);
constexpr uint32_t barriers = rapt_cuda_word_bit(RAPT_CUDA_WORD_BARRIER);
constexpr uint32_t shuffles = rapt_cuda_word_bit(RAPT_CUDA_WORD_SHUFFLE);

// What kernels of tensor cores are made of.
uint32_t tensor_words(int32_t dtype) {
  bool f16 = dtype == RAPT_F16;
  return barriers | rapt_cuda_word_bit(RAPT_CUDA_WORD_LOAD) | rapt_cuda_word_bit(RAPT_CUDA_WORD_COPY) |
         rapt_cuda_word_bit(f16 ? RAPT_CUDA_WORD_MULTIPLY_F16 : RAPT_CUDA_WORD_MULTIPLY_BF16) |
         rapt_cuda_word_bit(f16 ? RAPT_CUDA_WORD_F16 : RAPT_CUDA_WORD_BF16);
}

// Runs a word on the device and compares.
rapt_cuda_complaint check_word(int word, rapt_cuda_room *room) {
  std::vector<uint32_t> in = rapt_cuda_word_inputs(word), out(rapt_cuda_word_outputs(word));
  room->begin();
  rapt_cuda_words_parameters a = {};
  a.in = static_cast<const uint32_t *>(room->put(in.data(), in.size() * sizeof(uint32_t)));
  a.out = static_cast<uint32_t *>(room->room_for(out.size() * sizeof(uint32_t)));
  a.count = static_cast<int64_t>(in.size());
  room->launch([&](gpu_stream stream) { return rapt_cuda_launch_word(word, a, stream); });
  rapt_cuda_complaint complaint = room->finish();
  if (!complaint.empty()) return complaint;
  room->get(a.out, out.size() * sizeof(uint32_t), out.data());
  return rapt_cuda_judge_word(word, in, out);
}

// Goes through all kernels; those after a failure that cost the process its GPU are left unknown.
class run {
 public:
  run(int ordinal, const driver_description &device, const rapt_cuda_verdict &known)
      : device_(device), room_(ordinal, device), known_(known) {}

  rapt_cuda_verdict check() {
    auto start = std::chrono::steady_clock::now();
    if (enter()) {
      check_words();
      check_sdpa();
      check_linear();
      check_rope();
      check_rest();
    }
    verdict_.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    return verdict_;
  }

 private:
  // A context to work in.
  bool enter() {
    driver_code code = room_.open();
    if (code != DRIVER_SUCCESS) stop("there is no CUDA context for the self-check: ", code);
    return verdict_.complete;
  }

  // Ends the check early. Where a kernel has failed before, that may be why, and is to be remembered.
  void stop(const std::string &what, driver_code code) {
    verdict_.complete = false;
    verdict_.temporary = rapt_cuda_is_temporary(code) && !has_failed_now_;
    verdict_.why =
        what + driver_code_name(code) + " (" + std::to_string(code) + "), " + std::string(driver_code_text(code));
    if (verdict_.temporary) verdict_.why += "; the next context that is made checks again";
  }

  template <typename Check>
  void one(int family, int kernel, const std::string &name, uint32_t words, const Check &check) {
    if (!verdict_.complete) return;
    verdict_.checks++;
    if (family == RAPT_CUDA_FAMILY_LINEAR) projections_.emplace_back(kernel, name);
    for (const rapt_cuda_failure &f : known_.failures) {
      // In an earlier process, which it may have cost the GPU.
      if (f.family == family && f.kernel == kernel) return verdict_.fail(family, kernel, name, f.reason);
    }
    for (int word = 0; word < RAPT_CUDA_WORDS; word++) {
      if ((words & wrong_words_ & rapt_cuda_word_bit(static_cast<rapt_cuda_word>(word))) == 0) continue;
      return verdict_.fail(family, kernel, name,
                           std::string("it is made of ") + rapt_cuda_word_name(word) + ", which is wrong here");
    }
    rapt_cuda_complaint complaint = check(&room_);
    bool lost = room_.lost();
    if (lost && rapt_cuda_is_temporary(room_.code())) {
      return stop("the self-check of " + name + " could not be done: ", room_.code());
    }
    if (complaint.empty() && lost) complaint = "its results cannot be read";
    if (complaint.empty()) return;
    verdict_.fail(family, kernel, name, complaint);
    has_failed_now_ = true;
    if (family == RAPT_CUDA_FAMILY_WORDS) wrong_words_ |= rapt_cuda_word_bit(static_cast<rapt_cuda_word>(kernel));
    if (lost) enter();
  }

  void check_words() {
    for (int word = 0; word < RAPT_CUDA_WORDS; word++) {
      one(RAPT_CUDA_FAMILY_WORDS, word, rapt_cuda_word_name(word), 0,
          [&](rapt_cuda_room *room) { return check_word(word, room); });
    }
    // Of words that failed in an earlier process.
    for (const rapt_cuda_failure &f : known_.failures) {
      if (f.family == RAPT_CUDA_FAMILY_WORDS) wrong_words_ |= uint32_t{1} << f.kernel;
    }
  }

  void check_sdpa() {
    const rapt_cuda_properties properties = rapt_cuda_properties_of(device_);
    for (int32_t kernel = 0; kernel < kernels::sdpa_kernels; kernel++) {
      bool plain = kernels::sdpa_table.of[kernel].bucket == 0;
      for (int32_t dtype : {RAPT_F16, RAPT_BF16}) {
        if ((plain && dtype != RAPT_F16) || !rapt_cuda_sdpa_fits(properties, kernel, dtype)) continue;
        uint32_t words = plain ? conversions | barriers | shuffles
                               : tensor_words(dtype) | shuffles | rapt_cuda_word_bit(RAPT_CUDA_WORD_LOAD_TRANSPOSED) |
                                     rapt_cuda_word_bit(RAPT_CUDA_WORD_EXPONENTIAL);
        one(RAPT_CUDA_FAMILY_SDPA, rapt_cuda_sdpa_number(kernel, dtype), rapt_cuda_attention_name(kernel, dtype), words,
            [&](rapt_cuda_room *room) { return rapt_cuda_check_attention(kernel, dtype, room); });
      }
    }
  }

  void check_linear() {
    for (int32_t dtype : {RAPT_F16, RAPT_BF16}) {
      if (rapt_cuda_linear_shape_of(RAPT_CUDA_LINEAR_MMA).shared > device_.shared_per_block_optin) continue;
      one(RAPT_CUDA_FAMILY_LINEAR, rapt_cuda_linear_number(RAPT_CUDA_LINEAR_MMA, dtype),
          std::string("linear_") + rapt_dtype_name(dtype) + "_cuda_mma", tensor_words(dtype),
          [&](rapt_cuda_room *room) { return rapt_cuda_check_linear(RAPT_CUDA_LINEAR_MMA, dtype, room); });
    }
    one(RAPT_CUDA_FAMILY_LINEAR, RAPT_CUDA_LINEAR_SIMT, "linear_cuda_simt", conversions | barriers,
        [&](rapt_cuda_room *room) { return rapt_cuda_check_linear(RAPT_CUDA_LINEAR_SIMT, 0, room); });
  }

  void check_rope() {
    const uint32_t product = rapt_cuda_word_bit(RAPT_CUDA_WORD_PRODUCT);
    one(RAPT_CUDA_FAMILY_ROPE, 0, "rope_cuda_scalar", conversions | product,
        [&](rapt_cuda_room *room) { return rapt_cuda_check_rope_scalar(room); });
    for (int32_t dtype : {RAPT_F32, RAPT_F16, RAPT_BF16}) {
      uint32_t words = product;
      if (dtype != RAPT_F32) words |= rapt_cuda_word_bit(dtype == RAPT_F16 ? RAPT_CUDA_WORD_F16 : RAPT_CUDA_WORD_BF16);
      for (int32_t angles : {dtype, int32_t{RAPT_F32}}) {
        for (bool interleaved : {false, true}) {
          rapt_rope call = {};
          call.input.dtype = dtype;
          call.cosine.dtype = angles;
          call.flags = interleaved ? RAPT_ROPE_INTERLEAVED : 0;
          std::string name = std::string("rope_") + (interleaved ? "interleaved_" : "") + rapt_dtype_name(dtype) +
                             "_cuda_vector" + (angles != dtype ? "_f32_angles" : "");
          one(RAPT_CUDA_FAMILY_ROPE, rapt_cuda_rope_number(call, RAPT_CUDA_ROPE_VECTOR), name, words,
              [&](rapt_cuda_room *room) { return rapt_cuda_check_rope_vector(dtype, angles, interleaved, room); });
        }
        if (dtype == RAPT_F32) break;
      }
    }
  }

  void check_rest() {
    one(RAPT_CUDA_FAMILY_MERGE, 0, "merge_cuda_simt", conversions | barriers,
        [&](rapt_cuda_room *room) { return rapt_cuda_check_merge(room); });
    static const char *const names[RAPT_CUDA_ROWS_KERNELS] = {"mha_append_cuda", "mha_mean_cuda"};
    for (int kernel = 0; kernel < RAPT_CUDA_ROWS_KERNELS; kernel++) {
      one(RAPT_CUDA_FAMILY_ROWS, kernel, names[kernel], conversions,
          [&](rapt_cuda_room *room) { return rapt_cuda_check_rows(kernel, room); });
    }
    // Weights are packed by it.
    if (!verdict_.complete || !verdict_.has_failed(RAPT_CUDA_FAMILY_ROWS, RAPT_CUDA_ROWS_COPY)) return;
    for (const auto &[kernel, name] : projections_) {
      if (verdict_.has_failed(RAPT_CUDA_FAMILY_LINEAR, kernel)) continue;
      verdict_.fail(RAPT_CUDA_FAMILY_LINEAR, kernel, name,
                    std::string("its weights are packed by ") + names[RAPT_CUDA_ROWS_COPY] + ", which failed");
    }
  }

  driver_description device_;
  rapt_cuda_room room_;
  const rapt_cuda_verdict &known_;
  rapt_cuda_verdict verdict_;
  uint32_t wrong_words_ = 0;
  // Whether this run has found a failure, beside those of earlier processes.
  bool has_failed_now_ = false;
  // The kernels of projections that were looked at: not every device runs all.
  std::vector<std::pair<int, std::string>> projections_;
};

struct verdict_table {
  // Held during a check: contexts of one device that are opened at once wait for the first one's.
  std::mutex mutex;
  // Contexts may have earlier ones.
  std::map<std::string, std::shared_ptr<const rapt_cuda_verdict>> of;
};

// Never destroyed: threads may still open contexts while the process ends.
verdict_table &verdicts() {
  static verdict_table *instance = new verdict_table;
  return *instance;
}

}  // namespace

std::shared_ptr<const rapt_cuda_verdict> rapt_cuda_selfcheck(int ordinal, const driver_description &device, int driver,
                                                             bool again) {
  std::string key = rapt_cuda_key(device, driver);
  verdict_table &table = verdicts();
  std::lock_guard<std::mutex> lock(table.mutex);
  std::shared_ptr<const rapt_cuda_verdict> &known = table.of[std::to_string(ordinal) + " " + key];
  if (known != nullptr && !again && known->checks > 0 && !known->temporary) return known;
  rapt_cuda_verdict found;
  if (again || !rapt_cuda_recall(key, &found)) found = rapt_cuda_verdict();
  if (!found.remembered || !found.complete) {
    found = run(ordinal, device, found).check();
    if (found.checks > 0 && !found.temporary) rapt_cuda_remember(key, found);
  }
  known = std::make_shared<const rapt_cuda_verdict>(found);
  return known;
}

std::string rapt_cuda_unusable(const rapt_cuda_verdict &verdict) {
  if (!verdict.complete) {
    std::string why = verdict.why;
    if (!verdict.temporary && !verdict.failures.empty()) {
      const rapt_cuda_failure &last = verdict.failures.back();
      why = last.name + " failed its self-check, " + last.reason +
            ", and has cost this process the device; the next process leaves it out";
    }
    return why;
  }
  // What takes every problem of attention and of projections.
  const int attention = rapt_cuda_sdpa_number(kernels::simt_prefill, RAPT_F32);
  if (verdict.has_failed(RAPT_CUDA_FAMILY_SDPA, attention)) {
    return std::string("sdpa_prefill_cuda_simt failed its self-check: ") +
           verdict.reason(RAPT_CUDA_FAMILY_SDPA, attention);
  }
  if (verdict.has_failed(RAPT_CUDA_FAMILY_LINEAR, RAPT_CUDA_LINEAR_SIMT)) {
    return std::string("linear_cuda_simt failed its self-check: ") +
           verdict.reason(RAPT_CUDA_FAMILY_LINEAR, RAPT_CUDA_LINEAR_SIMT);
  }
  return "";
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import dev.rapt.DType;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.Cuda;
import dev.rapt.check.Judge;
import dev.rapt.check.Layout;
import dev.rapt.linear.LinearCall;
import dev.rapt.linear.LinearCase;
import dev.rapt.mha.MhaCall;
import dev.rapt.mha.MhaCase;
import dev.rapt.rope.RopeCall;
import dev.rapt.rope.RopeCase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Every kernel of the CUDA plug-in once, against the oracle of the matrix: {@code CudaSmoke FAMILY}
 * prints a line for each, goes on after a failure, and ends with status 1 where there was one.
 * Without an argument it lists the families, each with the {@code RAPT_KERNEL} that it is to run
 * under: a family wants a process of its own, for after an illegal address a process reaches its
 * GPU no more.
 */
public final class CudaSmoke {
  /** A case, and what its plan's name has to hold. */
  private record Check(String name, String plan, Runnable run) {}

  private record Family(String kernels, List<Check> checks) {}

  private static final String[] HALVES = {"bf16", "f16"};
  private static final int[] BUCKETS = {64, 128, 256};

  private CudaSmoke() {}

  public static void main(String[] arguments) {
    Map<String, Family> families = families();
    if (arguments.length == 0) {
      families.forEach((name, family) -> System.out.println(name + "\t" + family.kernels()));
      return;
    }
    Family family = families.get(arguments[0]);
    if (family == null) {
      System.err.println("unknown family " + arguments[0] + "; allowed: " + families.keySet());
      System.exit(2);
    }
    long failed = family.checks().stream().filter(check -> !passes(check)).count();
    System.exit(failed == 0 ? 0 : 1);
  }

  private static boolean passes(Check check) {
    String failure = "";
    try {
      check.run().run();
      if (!Cuda.latestPlan().contains(check.plan())) {
        failure = "another kernel ran than " + check.plan();
      }
    } catch (RuntimeException | AssertionError e) {
      failure = String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason");
    }
    System.out.printf(
        Locale.ROOT,
        "%s %-40s %s%s%n",
        failure.isEmpty() ? "passed" : "FAILED",
        Cuda.latestPlan(),
        check.name(),
        failure.isEmpty() ? "" : ": " + failure);
    return failure.isEmpty();
  }

  private static Map<String, Family> families() {
    Map<String, Family> families = new LinkedHashMap<>();
    for (String type : HALVES) {
      families.put("prefill-" + type, new Family("sdpa_prefill_" + type + "_cuda_mma", mma(type)));
    }
    for (String type : HALVES) {
      families.put("decode-" + type, new Family("sdpa_decode_" + type + "_cuda_mma", few(type)));
    }
    families.put(
        "prefill-simt", new Family(simtKernels("prefill"), simt("b1 h2/1 q70 k90 d64/200")));
    families.put("decode-simt", new Family(simtKernels("decode"), simt("b1 h4/2 q1 k600 d128")));
    families.put(
        "linear-mma", new Family("linear_bf16_cuda_mma,linear_f16_cuda_mma", linear("_mma")));
    families.put(
        "linear-simt",
        new Family(
            "linear_f32_cuda_simt,linear_bf16_cuda_simt,linear_f16_cuda_simt,linear_mixed_cuda_simt",
            linear("_simt")));
    families.put("rope", new Family("rope", rope()));
    families.put("mha", new Family("mha", mha()));
    return families;
  }

  private static Check attention(String name, String plan) {
    return new Check(name, plan, () -> Judge.onCuda(AttentionCase.parse(name)));
  }

  /** Plain, and with options, which have kernels of their own; more than one tile of keys. */
  private static List<Check> mma(String type) {
    List<Check> checks = new ArrayList<>();
    for (int bucket : BUCKETS) {
      String plan = "_mma_d" + bucket;
      String shape = "b1 h2/1 q40 k140 d" + bucket;
      String suffix = " lse dtype(" + type + ")";
      checks.add(attention(shape + " causal(bottom)" + suffix, plan));
      checks.add(attention(shape + " mask(q,k) softcap(5)" + suffix, plan));
    }
    return checks;
  }

  /** In one piece, and in several that are merged. */
  private static List<Check> few(String type) {
    List<Check> checks = new ArrayList<>();
    for (int bucket : BUCKETS) {
      for (int keys : new int[] {100, 600}) {
        String name = "b1 h4/1 q3 k" + keys + " d" + bucket + " lse dtype(" + type + ")";
        checks.add(attention(name, "_mma_d" + bucket));
      }
    }
    return checks;
  }

  /** Those that tensor cores would take too, by name. */
  private static String simtKernels(String form) {
    List<String> prefixes = new ArrayList<>();
    for (String type : new String[] {"f32", "bf16", "f16", "mixed", "f32_i8", "bf16_i8"}) {
      prefixes.add("sdpa_" + form + "_" + type + "_cuda_simt");
    }
    return String.join(",", prefixes);
  }

  private static List<Check> simt(String shape) {
    List<Check> checks = new ArrayList<>();
    for (String type : new String[] {"f32", "bf16", "f16", "f16,bf16,f32,f16,f32"}) {
      checks.add(attention(shape + " causal(bottom) lse dtype(" + type + ")", "_simt_d"));
    }
    checks.add(attention(shape + " mask(q,k) softcap(5) lse", "_simt_d"));
    for (String type : new String[] {"f32,i8,i8,f32,f32", "bf16,i8,i8,bf16,f32"}) {
      checks.add(attention(shape + " causal(bottom) lse dtype(" + type + ")", "_i8_cuda_simt_d"));
    }
    return checks;
  }

  private static List<Check> linear(String kernel) {
    List<LinearCase> cases = new ArrayList<>();
    LinearCase base = new LinearCase(1, 70, 72, 70, true, Layout.BHSD);
    cases.add(base.typed(DType.BF16, DType.BF16, DType.BF16));
    cases.add(base.typed(DType.F16, DType.F16, DType.F32));
    if (kernel.equals("_simt")) {
      cases.add(base);
      cases.add(base.typed(DType.F32, DType.BF16, DType.F16));
    }
    return cases.stream()
        .map(c -> new Check(c.toString(), kernel, () -> LinearCall.checkOnCuda(c)))
        .toList();
  }

  private static List<Check> rope() {
    List<Check> checks = new ArrayList<>();
    for (boolean interleaved : new boolean[] {false, true}) {
      for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
        checks.add(rope(64, type, interleaved, "_vector_d64"));
        // Rows of no whole 16 bytes.
        checks.add(rope(18, type, interleaved, "_scalar_d18"));
      }
    }
    return checks;
  }

  private static Check rope(int headDim, DType type, boolean interleaved, String plan) {
    RopeCase c =
        RopeCase.of(2, 3, 5, headDim).paired(interleaved).typed(type, DType.F32, DType.F32, type);
    return new Check(
        "d" + headDim + " " + type + (interleaved ? " interleaved" : ""),
        plan,
        () -> RopeCall.checkOnCuda(c));
  }

  private static List<Check> mha() {
    List<Check> checks = new ArrayList<>();
    for (String type : new String[] {"bf16", "f16", "f32"}) {
      for (String options : new String[] {"", "padding biaskv zero "}) {
        String name =
            "b2 h2/1 q9 k20 d32 causal(bottom) lse dtype("
                + type
                + ") | "
                + options
                + "stored("
                + type
                + ")";
        checks.add(new Check(name, "mha", () -> MhaCall.checkOnCuda(MhaCase.parse(name))));
      }
    }
    return checks;
  }
}

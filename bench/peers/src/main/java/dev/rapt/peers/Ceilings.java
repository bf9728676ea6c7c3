// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rapt.peers.contest.Shape;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The f32 multiply-add peak and the read bandwidth of some threads, as the native benchmark
 * measures them.
 *
 * @param gflops in 10⁹ operations per second
 * @param gbps in 10⁹ bytes per second
 */
record Ceilings(double gflops, double gbps) {

  /**
   * Measures now; takes less than a second.
   *
   * @param bench the native benchmark
   */
  static Ceilings measure(Path bench, int threads) throws IOException {
    Process process =
        new ProcessBuilder(bench.toString(), "ceilings", "--json", "--threads", "" + threads)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    process.getOutputStream().close();
    String line = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    JsonNode json = new ObjectMapper().readTree(line);
    if (!json.hasNonNull("gflops") || !json.hasNonNull("gbps")) {
      throw new IOException(bench + " ceilings gave no figures: " + line.strip());
    }
    return new Ceilings(json.get("gflops").asDouble(), json.get("gbps").asDouble());
  }

  /** The higher of each: what the machine has shown it can do. */
  Ceilings or(Ceilings other) {
    return new Ceilings(Math.max(gflops, other.gflops), Math.max(gbps, other.gbps));
  }

  /**
   * The least seconds in which a call can be done: its operations at the peak and, where its inputs
   * come from memory, its bytes at the bandwidth.
   */
  double seconds(Shape shape, double flops, double bytes) {
    double arithmetic = flops / gflops;
    return (shape.decodes() ? Math.max(arithmetic, bytes / gbps) : arithmetic) / 1e9;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import dev.rapt.peers.contest.Shape;
import dev.rapt.peers.report.CaseResult.Work;
import dev.rapt.peers.report.Spread;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The least time in which a call can be done: its operations at the peak or, where its inputs come
 * from memory, its bytes at the bandwidth, whichever takes longer.
 *
 * @param seconds by the median of the readings
 * @param byRound by the reading of each round; all alike where operations take longer
 */
record Least(double seconds, double[] byRound) {

  static Least of(Shape shape, Work work, Ceilings ceilings) {
    double arithmetic = work.flops() / ceilings.gflops() / 1e9;
    double reading = work.bytes() / ceilings.gbps() / 1e9;
    boolean reads = shape.decodes() && reading > arithmetic;
    double[] byRound = ceilings.gbpsByRound();
    for (int i = 0; i < byRound.length; i++) {
      byRound[i] = reads ? work.bytes() / byRound[i] / 1e9 : arithmetic;
    }
    return new Least(reads ? reading : arithmetic, byRound);
  }

  /**
   * Which part of what the ceilings allow somebody reached: the median over the rounds.
   *
   * @param rounds seconds per call, by round
   */
  double share(List<double[]> rounds) {
    double[] shares =
        IntStream.range(0, rounds.size())
            .mapToDouble(i -> byRound[i] / Spread.of(rounds.get(i)).median())
            .toArray();
    return Spread.of(shares).median();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.AttentionProblem.Operands;
import dev.rapt.check.Bounded;
import dev.rapt.check.Judge;
import dev.rapt.check.Values;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two keys whose large scores are nearly equal: an error far below the scores' own size decides how
 * the query divides its attention, and an f32 run that happens to be exact tells nothing of it.
 */
class NearTiesTest {
  private static final int DIM = 64;
  private static final double DEVIATION = 12;
  private static final int DRAWS = 50;

  @ParameterizedTest
  @ValueSource(strings = {"b1 h1 q1 k2 d64 lse", "b1 h1 q33 k2 d64 lse weights(softmax)"})
  void resultsAreWithinTheBound(String name) {
    AttentionCase c = AttentionCase.parse(name);
    for (int seed = 0; seed < DRAWS; seed++) {
      AttentionProblem p = c.problem();
      Random random = new Random(seed);
      float[] query = Values.normal(random, p.queryLen() * DIM, DEVIATION);
      float[] key = Values.normal(random, 2 * DIM, DEVIATION);
      float[] value = Values.normal(random, 2 * DIM, 1);
      tie(query, key);
      Operands operands = new Operands(exact(query), exact(key), exact(value), null, null);
      AttentionProblem tied =
          new AttentionProblem(p.sizes(), operands, p.visibility(), p.scores(), p.weightsStage());
      Judge.everyTier(c, tied);
    }
  }

  /** Moves the second key along one dimension until the first query likes both alike. */
  private static void tie(float[] query, float[] key) {
    int widest = 0;
    double difference = 0;
    for (int d = 0; d < DIM; d++) {
      difference += (double) query[d] * key[d] - (double) query[d] * key[DIM + d];
      widest = Math.abs(query[d]) > Math.abs(query[widest]) ? d : widest;
    }
    key[DIM + widest] += (float) (difference / query[widest]);
  }

  private static Bounded exact(float[] values) {
    return Bounded.exact(Values.widen(values));
  }
}

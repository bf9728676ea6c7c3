// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.peers.contest.Agreement.Verdict;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What counts as the same result, and that a whole output is looked at. */
class AgreementTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void theBoundIsAShareOfTheLargestValue(DType dtype) {
    float bound = (float) (8 * Agreement.bound(dtype));
    assertTrue(compare(dtype, 8, 1, 1 + bound / 2).agrees());
    assertFalse(compare(dtype, 8, 1, 1 + bound * 2).agrees());
  }

  @Test
  void notANumberNeverAgrees() {
    assertFalse(compare(DType.F32, 8, 1, Float.NaN).agrees());
  }

  @Test
  void aComplaintSaysWhere() {
    Verdict verdict = compare(DType.F32, 8, 1, 3);
    assertEquals(0.25, verdict.difference());
    assertEquals("gives 3.0, not 1.0, at 1 of the test", verdict.complaint());
  }

  @Test
  void rowsOfTheReferenceFindAWrongResult() {
    Shape shape = Shape.attention("test", 2, 2, 1, 40, 40, 16).withCausal(8);
    Operands operands = new Operands(arena, shape, DType.F32);
    Expectation expectation = new Expectation(arena, operands);
    try (RaptAttention rapt = RaptAttention.cpu(arena, operands, 1)) {
      rapt.run(0);
      Tensor output = rapt.output();
      assertTrue(expectation.judge(output).agrees());
      float right = output.get(1, 1, 39, 15);
      output.set(right + 0.1f, 1, 1, 39, 15);
      assertFalse(expectation.judge(output).agrees(), "the last query is a row of the reference");
      output.set(right, 1, 1, 39, 15);
      // Row 1 is none of the reference: only a whole output to compare with finds it.
      float other = output.get(0, 0, 1, 0);
      output.set(other + 0.1f, 0, 0, 1, 0);
      assertTrue(expectation.judge(output).agrees());
      output.set(other, 0, 0, 1, 0);
      expectation.adopt(arena, output);
      output.set(other + 0.1f, 0, 0, 1, 0);
      assertFalse(expectation.judge(output).agrees());
    }
  }

  private Verdict compare(DType dtype, float largest, float expected, float actual) {
    Tensor theirs = tensor(dtype, largest, expected);
    return Agreement.compare(tensor(DType.F32, largest, actual), theirs, dtype, "the test");
  }

  private Tensor tensor(DType dtype, float... values) {
    Tensor tensor = Tensor.allocate(arena, dtype, values.length);
    tensor.copyFrom(values);
    return tensor;
  }
}

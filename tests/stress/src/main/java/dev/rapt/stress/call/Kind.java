// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.DType;
import java.util.Arrays;

/** The element types that an operand may have, as its Javadoc says. */
public enum Kind {
  FLOATS(DType.F32, DType.F16, DType.BF16),
  FLOATS_OR_I8(DType.F32, DType.F16, DType.BF16, DType.I8),
  F32(DType.F32),
  BOOL(DType.BOOL),
  INDICES(DType.I32, DType.I64);

  private final DType[] allowed;

  Kind(DType... allowed) {
    this.allowed = allowed;
  }

  /** A type that is allowed; F32 is every second one where it is among several. */
  public DType draw(Draw draw) {
    return this == FLOATS && draw.oneIn(2) ? DType.F32 : draw.any(allowed);
  }

  /** A type that is not. */
  public DType drawWrong(Draw draw) {
    return draw.any(
        Arrays.stream(DType.values())
            .filter(dtype -> !Arrays.asList(allowed).contains(dtype))
            .toArray(DType[]::new));
  }
}

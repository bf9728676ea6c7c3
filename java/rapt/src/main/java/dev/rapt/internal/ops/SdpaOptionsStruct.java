// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import dev.rapt.Causal;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_sdpa_options;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Writes the rapt_sdpa_options that are a field of a call's struct. */
final class SdpaOptionsStruct {
  private static final long POSITION = rapt_sdpa_options.position$offset();
  private static final long WINDOW_LEFT = rapt_sdpa_options.window_left$offset();
  private static final long WINDOW_RIGHT = rapt_sdpa_options.window_right$offset();
  private static final long SCALE = rapt_sdpa_options.scale$offset();
  private static final long SOFTCAP = rapt_sdpa_options.softcap$offset();
  private static final long FLAGS = rapt_sdpa_options.flags$offset();
  private static final long STAGE = rapt_sdpa_options.weights_stage$offset();

  private SdpaOptionsStruct() {}

  /** Writes the options with these flags besides those that they stand for. */
  static void write(
      MemorySegment call, long field, SdpaOptions options, long position, int further) {
    call.set(ValueLayout.JAVA_LONG, field + POSITION, position);
    call.set(ValueLayout.JAVA_LONG, field + WINDOW_LEFT, options.windowLeft());
    call.set(ValueLayout.JAVA_LONG, field + WINDOW_RIGHT, options.windowRight());
    call.set(ValueLayout.JAVA_FLOAT, field + SCALE, options.scaled() ? options.scale() : 0);
    call.set(ValueLayout.JAVA_FLOAT, field + SOFTCAP, options.softcap());
    call.set(ValueLayout.JAVA_INT, field + FLAGS, flags(options) | further);
    call.set(ValueLayout.JAVA_INT, field + STAGE, stage(options));
  }

  private static int flags(SdpaOptions options) {
    return (options.scaled() ? rapt_h.RAPT_SCALE() : 0)
        | (options.causal() != Causal.NONE ? rapt_h.RAPT_CAUSAL() : 0)
        | (options.windowed() ? rapt_h.RAPT_WINDOW() : 0);
  }

  private static int stage(SdpaOptions options) {
    return switch (options.stage()) {
      case RAW -> rapt_h.RAPT_WEIGHTS_RAW();
      case SOFTCAP -> rapt_h.RAPT_WEIGHTS_SOFTCAP();
      case BIAS -> rapt_h.RAPT_WEIGHTS_BIAS();
      case SOFTMAX -> rapt_h.RAPT_WEIGHTS_SOFTMAX();
    };
  }
}

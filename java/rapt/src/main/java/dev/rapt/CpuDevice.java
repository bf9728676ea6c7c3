// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Objects;
import java.util.Optional;

/** The CPU through the native library. */
final class CpuDevice extends Device {
  private CpuDevice() {
    super(
        new dev.rapt.internal.reference.ReferenceBackend(
            dev.rapt.internal.reference.ReferencePrecision.DOUBLE));
  }

  static CpuDevice open(CpuOptions options) {
    Objects.requireNonNull(options, "options");
    throw new RaptException(
        Status.DEVICE_UNAVAILABLE, "the native library is not part of this build");
  }

  static Capabilities capabilities() {
    return new Capabilities(
        false, "not built", "", "", 0, "", 1, null, null, java.util.List.of(), "not built");
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String description() {
    return "CPU";
  }

  @Override
  public int threads() {
    return 1;
  }

  @Override
  public Optional<Isa> isa() {
    return Optional.empty();
  }
}

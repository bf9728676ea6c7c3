// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.reference.ReferenceBackend;
import dev.rapt.internal.reference.ReferencePrecision;
import java.util.Optional;

/** The reference as a device. */
final class JavaDevice extends Device {
  private final String description;

  /** A reference that rounds to {@code precision}; tests take F32 as their yardstick. */
  JavaDevice(ReferencePrecision precision, String description) {
    super(new ReferenceBackend(precision));
    this.description = description;
  }

  static JavaDevice reference() {
    return new JavaDevice(ReferencePrecision.DOUBLE, "Java reference in double, 1 thread");
  }

  static JavaDevice insteadOf(String reason) {
    return new JavaDevice(
        ReferencePrecision.DOUBLE, "Java reference in double, 1 thread, because: " + reason);
  }

  @Override
  public String name() {
    return "java";
  }

  @Override
  public String description() {
    return description;
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

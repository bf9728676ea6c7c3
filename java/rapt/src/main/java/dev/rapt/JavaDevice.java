// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.reference.ReferenceBackend;
import java.util.Optional;

/** The reference as a device. */
final class JavaDevice extends Device {
  private final String description;

  private JavaDevice(String description) {
    super(new ReferenceBackend());
    this.description = description;
  }

  static JavaDevice reference() {
    return new JavaDevice("Java reference in double, 1 thread");
  }

  static JavaDevice insteadOf(String reason) {
    return new JavaDevice("Java reference in double, 1 thread, because: " + reason);
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

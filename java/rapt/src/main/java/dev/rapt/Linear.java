// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Lifetime;
import dev.rapt.internal.Projection;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (..., in) to (..., out): output = input . weightᵀ + bias, with weights packed once for a device.
 *
 * <p>Keeps no reference to the tensors it was made from. Thread-safe; {@link #close()} is
 * idempotent and waits for running calls. Closing its device leaves only {@code close()} usable.
 */
public final class Linear implements AutoCloseable {
  private final Device device;
  private final Projection projection;
  private final Lifetime lifetime = new Lifetime("linear");

  private Linear(Device device, Projection projection) {
    this.device = device;
    this.projection = projection;
  }

  /** (out, in) and (out): packs a weight, as torch.nn.Linear stores it, and an optional bias. */
  public static Linear of(Device device, Tensor weight, @Nullable Tensor bias) {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(weight, "weight");
    LinearChecks.weights("weight", weight, "bias", bias);
    device.enter();
    try {
      return new Linear(device, device.backend().projection(weight, bias));
    } finally {
      device.exit();
    }
  }

  /**
   * (B, rows, out) or (rows, out) into {@code output}.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where this, the device or a tensor's arena is closed
   */
  public void run(Tensor input, Tensor output) {
    Objects.requireNonNull(input, "input");
    Objects.requireNonNull(output, "output");
    LinearChecks.call(projection, input, output);
    enter();
    try {
      device.backend().linear(projection, input, output);
    } finally {
      exit();
    }
  }

  /** What {@link #run} would do. */
  public Plan plan(Tensor input, Tensor output) {
    Objects.requireNonNull(input, "input");
    Objects.requireNonNull(output, "output");
    LinearChecks.call(projection, input, output);
    enter();
    try {
      return device.backend().linearPlan(projection, input, output);
    } finally {
      exit();
    }
  }

  /** Features read per row. */
  public long inFeatures() {
    return projection.inFeatures();
  }

  /** Features written per row. */
  public long outFeatures() {
    return projection.outFeatures();
  }

  /** Where the weights live. */
  public Device device() {
    return device;
  }

  /** Waits for running calls, then frees the weights. Idempotent. */
  @Override
  public void close() {
    lifetime.close(projection::close);
  }

  private void enter() {
    lifetime.enter();
    try {
      device.enter();
    } catch (IllegalStateException closed) {
      lifetime.exit();
      throw closed;
    }
  }

  private void exit() {
    device.exit();
    lifetime.exit();
  }
}

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
 * idempotent and waits for running calls and for the work on streams that uses the weights. Closing
 * its device leaves only {@code close()} usable.
 */
public final class Linear implements AutoCloseable {
  private final Device device;
  private final Projection projection;
  private final Lifetime lifetime = new Lifetime("linear");
  private final PendingWork pending = new PendingWork();

  private Linear(Device device, Projection projection) {
    this.device = device;
    this.projection = projection;
  }

  /**
   * (out, in) and (out): packs a weight, as torch.nn.Linear stores it, and an optional bias. For a
   * GPU they may lie on the host as well as in its memory.
   */
  public static Linear of(Device device, Tensor weight, @Nullable Tensor bias) {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(weight, "weight");
    LinearChecks.weights("weight", weight, "bias", bias);
    device.admitWeight("weight", weight);
    device.admitWeight("bias", bias);
    device.enter();
    try {
      Linear linear = new Linear(device, device.pack(weight, bias));
      device.adopt(linear, linear::free);
      return linear;
    } finally {
      device.exit();
    }
  }

  /**
   * (B, rows, out) or (rows, out) into {@code output}; complete on return.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where this, the device or a tensor's memory is closed
   */
  public void run(Tensor input, Tensor output) {
    runAt(device, input, output);
  }

  /**
   * (B, rows, out) or (rows, out) into {@code output}: enqueues the call on a stream of this
   * device, and returns before it is done.
   */
  public void run(CudaStream stream, Tensor input, Tensor output) {
    Objects.requireNonNull(stream, "stream").checkDevice(device);
    pending.on(stream);
    runAt(stream, input, output);
  }

  private void runAt(Place place, Tensor input, Tensor output) {
    check(place, input, output);
    enter(place);
    try {
      place.backend().linear(projection, input, output);
    } finally {
      exit(place);
    }
  }

  /** What {@link #run(Tensor, Tensor)} would do. */
  public Plan plan(Tensor input, Tensor output) {
    check(device, input, output);
    enter(device);
    try {
      return device.backend().linearPlan(projection, input, output);
    } finally {
      exit(device);
    }
  }

  private void check(Place place, Tensor input, Tensor output) {
    Objects.requireNonNull(input, "input");
    Objects.requireNonNull(output, "output");
    LinearChecks.call(projection, input, output);
    place.admit("input", input);
    place.admit("output", output);
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

  /** Waits for running calls and enqueued work, then frees the weights. Idempotent. */
  @Override
  public void close() {
    device.release(this, this::free);
  }

  private void free() {
    lifetime.close(
        () -> {
          pending.await();
          projection.close();
        });
  }

  private void enter(Place place) {
    lifetime.enter();
    try {
      place.enter();
    } catch (IllegalStateException closed) {
      lifetime.exit();
      throw closed;
    }
  }

  private void exit(Place place) {
    place.exit();
    lifetime.exit();
  }
}

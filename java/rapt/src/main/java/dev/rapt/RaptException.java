// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A failure that a device or the native library reports, as opposed to a bad argument. */
public class RaptException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What failed. */
  private final RaptStatus status;

  /** The device's own code. */
  private final int deviceCode;

  /** Creates an exception without a device code. */
  public RaptException(RaptStatus status, String message) {
    this(status, message, 0, null);
  }

  /** Creates an exception; {@code deviceCode} is 0 where the device has none. */
  public RaptException(
      RaptStatus status, String message, int deviceCode, @Nullable Throwable cause) {
    super(message, cause);
    this.status = Objects.requireNonNull(status, "status");
    this.deviceCode = deviceCode;
  }

  /** The kind of failure. */
  public RaptStatus status() {
    return status;
  }

  /** The device's own error code (a {@code cudaError_t}), 0 where there is none. */
  public int deviceCode() {
    return deviceCode;
  }
}

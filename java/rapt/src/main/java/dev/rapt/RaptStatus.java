// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** The kinds of failure a device reports. */
public enum RaptStatus {
  /** An argument breaks the contract of the native library. */
  INVALID_ARGUMENT,
  /** The arguments are meaningful, but this library or device has no kernel for them. */
  UNSUPPORTED,
  /** Host or device memory ran out; the device stays usable. */
  OUT_OF_MEMORY,
  /** The device is not on this machine, or the library or driver it needs cannot be used. */
  DEVICE_UNAVAILABLE,
  /** The device reported a failure; {@link RaptException#deviceCode()} holds its code. */
  DEVICE_FAILURE
}

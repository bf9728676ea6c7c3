// SPDX-License-Identifier: Apache-2.0

/** Attention for the JVM: native kernels behind a small tensor API, on memory the caller owns. */
module dev.rapt {
  requires static org.jspecify;

  exports dev.rapt;
  exports dev.rapt.cache;
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Arrays;

/**
 * The streams whose enqueued work may use a thing, so that closing it can wait for them. Noting a
 * stream again, which every call does, allocates nothing. Thread-safe.
 */
final class PendingWork {
  private static final CudaStream[] NONE = {};

  private volatile CudaStream[] streams = NONE;

  /** Notes that work on {@code stream} uses the thing; to be called before that is enqueued. */
  void on(CudaStream stream) {
    for (CudaStream known : streams) {
      if (known == stream) {
        return;
      }
    }
    add(stream);
  }

  private synchronized void add(CudaStream stream) {
    // A closed stream has no work left.
    CudaStream[] open =
        Arrays.stream(streams)
            .filter(known -> known != stream && !known.isClosed())
            .toArray(CudaStream[]::new);
    CudaStream[] more = Arrays.copyOf(open, open.length + 1);
    more[open.length] = stream;
    streams = more;
  }

  /** Waits until nothing that was enqueued uses the thing any more; new work must be refused. */
  void await() {
    for (CudaStream noted : streams) {
      noted.settle();
    }
    streams = NONE;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import java.lang.foreign.MemorySegment;

/** Something that computes attention of a shape on its operands, as often as asked. */
interface Contender extends AutoCloseable {
  /** What it is, with the plan or operator that runs. */
  String name();

  /** One call, synchronous. */
  void run();

  /** (B, Hq, Sq, D) in the order that {@link #run()} left it. */
  MemorySegment output();

  @Override
  void close();
}

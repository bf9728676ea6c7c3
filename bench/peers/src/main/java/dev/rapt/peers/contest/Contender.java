// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.Tensor;

/** Something that computes a shape on the operands it was opened with, as often as asked. */
interface Contender extends AutoCloseable {
  /** What runs, in more words than its name: a plan, an operator, a way of masking. */
  String detail();

  /**
   * One call, synchronous.
   *
   * @param copy which copy of keys and values to read, from 0
   */
  void run(int copy);

  /** (B, Hq, Sq, D), or (B, S, E) of a layer, as the last run left it; valid until the next. */
  Tensor output();

  @Override
  void close();
}

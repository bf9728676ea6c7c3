// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Tensor;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/** All tensors of a problem, with their memory. */
public final class Memory {
  private final List<Placed> placed;
  private final Map<String, Tensor> tensors = new HashMap<>();

  private Memory(List<Placed> placed) {
    this.placed = placed;
    for (Placed one : placed) {
      tensors.put(one.slot().name(), one.tensor());
    }
  }

  /** Tensors of any form, with values by the problem's choices. */
  public static Memory draw(Draw draw, Problem problem, SegmentAllocator allocator) {
    List<Placed> placed = new ArrayList<>();
    for (Slot slot : problem.slots()) {
      Placed one = Placed.make(slot, Form.draw(draw, slot.shape(), slot.written()), allocator);
      if (!slot.written()) {
        one.fill(draw.seed());
      }
      placed.add(one);
    }
    return new Memory(placed);
  }

  /** The same tensors in other memory: outputs here, all others there. */
  public Memory copy(SegmentAllocator inputs, SegmentAllocator outputs) {
    List<Placed> copies = new ArrayList<>();
    for (Placed one : placed) {
      copies.add(one.copy(one.slot().written() ? outputs : inputs));
    }
    return new Memory(copies);
  }

  /** The same inputs, whose memory may be closed, and outputs of their own. */
  public Memory withOutputs(SegmentAllocator outputs) {
    List<Placed> shared = new ArrayList<>();
    for (Placed one : placed) {
      shared.add(one.slot().written() ? Placed.make(one.slot(), one.form(), outputs) : one);
    }
    return new Memory(shared);
  }

  /** Each tensor with what lies around it. */
  public List<Placed> placed() {
    return placed;
  }

  /** The tensors by name. */
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  /** Whether an output has been written; one whose memory is closed counts as not. */
  public boolean isWritten() {
    for (Placed one : placed) {
      try {
        if (one.slot().written() && !one.isUntouched()) {
          return true;
        }
      } catch (IllegalStateException closed) {
        continue; // nobody can tell any more
      }
    }
    return false;
  }

  /** A hash of all bytes of the outputs, gaps included. */
  public long hash() {
    return hash(true);
  }

  /** A hash of all bytes that no call may write. */
  public long inputHash() {
    return hash(false);
  }

  private long hash(boolean written) {
    CRC32C hash = new CRC32C();
    for (Placed one : placed) {
      if (one.slot().written() == written) {
        one.hash(hash);
      }
    }
    return hash.getValue();
  }
}

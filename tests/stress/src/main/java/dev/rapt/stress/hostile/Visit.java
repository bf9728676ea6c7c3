// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.stress.call.Draw;
import dev.rapt.stress.call.Form;
import dev.rapt.stress.call.Memory;
import dev.rapt.stress.call.Placed;
import dev.rapt.stress.call.Problem;
import dev.rapt.stress.call.Role;
import dev.rapt.stress.call.Sizes;
import dev.rapt.stress.call.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A call that is being spoilt: its problem, and its tensors as they are so far. */
final class Visit {
  final Draw draw;
  final World world;
  final Arena arena;
  final Problem problem;
  final Memory memory;
  final Map<String, Tensor> tensors;
  private final List<Guard> guards = new ArrayList<>();

  /** Memory that a refused call leaves as it is. */
  private record Guard(String name, MemorySegment memory, MemorySegment before) {}

  Visit(Draw draw, World world, Arena arena) {
    this.draw = draw;
    this.world = world;
    this.arena = arena;
    problem = Problem.draw(draw, Sizes.TINY);
    memory = Memory.draw(draw, problem, arena);
    tensors = new HashMap<>(memory.tensors());
    for (Placed one : memory.placed()) {
      guard(one.slot().name(), one.memory());
      if (!one.slot().written() && draw.oneIn(4)) {
        tensors.put(one.slot().name(), one.over(one.memory().asReadOnly()));
      }
    }
  }

  /** From now on a refused call must not write there. */
  void guard(String name, MemorySegment memory) {
    guards.add(new Guard(name, memory, arena.allocate(memory.byteSize()).copyFrom(memory)));
  }

  /** Which memory has changed since; null = none. */
  @Nullable String written() {
    for (Guard guard : guards) {
      if (guard.memory.mismatch(guard.before) >= 0) {
        return "memory of " + guard.name + " was written though the call was refused";
      }
    }
    return null;
  }

  /** Any tensor of a role or, where that is null, of any. */
  @Nullable Placed any(@Nullable Role role) {
    List<Placed> some =
        memory.placed().stream().filter(one -> role == null || one.slot().role() == role).toList();
    return some.isEmpty() ? null : some.get(draw.from(0, some.size() - 1));
  }

  /** Whether a tensor lies on a device already. */
  boolean hasDeviceTensor() {
    return tensors.values().stream().anyMatch(tensor -> tensor != null && tensor.isOnDevice());
  }

  /** Puts another tensor in a slot's place. */
  void put(Slot slot, @Nullable Tensor tensor) {
    tensors.put(slot.name(), tensor);
  }

  /** A tensor of zeros of another type or shape in a slot's place. */
  Tensor put(Slot slot, DType dtype, long[] shape) {
    Form form = Form.plain(shape);
    long bytes = Math.max(1, form.elements()) * dtype.bytes();
    MemorySegment other = arena.allocate(bytes, 64);
    guard(slot.name(), other);
    return put(slot, other, 0, dtype, shape, form.strides());
  }

  /** A tensor over other memory in a slot's place. */
  Tensor put(
      Slot slot, MemorySegment memory, long offset, DType dtype, long[] shape, long[] strides) {
    Tensor tensor = Tensor.of(memory, offset, dtype, shape, strides);
    tensors.put(slot.name(), tensor);
    return tensor;
  }
}

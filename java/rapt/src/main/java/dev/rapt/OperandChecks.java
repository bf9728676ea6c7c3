// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.OperandTable;
import java.util.StringJoiner;

/**
 * Checks a call's tensors against the table of its operation, and finds its sizes: types, memory,
 * shapes and overlap. It stands beside {@link Tensor} because only that knows where its elements
 * lie and who owns them.
 */
final class OperandChecks {
  private static final long UNKNOWN = -1;

  private OperandChecks() {}

  /**
   * Checks a call.
   *
   * @throws NullPointerException naming a tensor that is needed and missing
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   */
  static void check(CallFrame call) {
    OperandTable table = call.table();
    call.operation().given(call);
    int always = table.alwaysLines();
    for (int i = 0; i < always; i++) {
      operand(call, table, table.line(i), i == 0);
    }
    call.operation().rules(call);
    int cases = call.cases();
    for (int i = always; i < table.neededLines(); i++) {
      if (table.line(i).counts(cases)) {
        operand(call, table, table.line(i), false);
      }
    }
    for (int left = call.present() & table.optionalSlots(); left != 0; left &= left - 1) {
      operand(call, table, table.at(Integer.numberOfTrailingZeros(left), cases), false);
    }
    for (int left = call.present() & table.writtenSlots(); left != 0; left &= left - 1) {
      apart(call, Integer.numberOfTrailingZeros(left));
    }
  }

  private static void operand(CallFrame call, OperandTable table, Operand operand, boolean first) {
    Tensor tensor = call.tensor(operand.slot());
    if (tensor == null) {
      throw new NullPointerException(operand.name());
    }
    call.counts(operand);
    if (!operand.allows(tensor.dtype())) {
      throw new IllegalArgumentException(
          operand.name() + " is " + tensor + "; allowed: elements of type " + operand.allowed());
    }
    Checks.alive(operand.name(), tensor);
    if (operand.written()) {
      Checks.written(operand.name(), tensor);
    }
    if (first) {
      missing(call, table, operand, tensor);
    }
    if (operand.fit() == Operand.Fit.BROADCAST) {
      broadcast(call, table, operand, tensor);
    } else {
      sizes(call, table, operand, tensor);
    }
  }

  /** How many dimensions the call's tensors lack, which the first operand tells. */
  private static void missing(CallFrame call, OperandTable table, Operand operand, Tensor tensor) {
    int missing = operand.dimensions() - tensor.rank();
    if (missing >= 0 && missing <= table.mostMissing()) {
      call.missing(missing);
      return;
    }
    StringJoiner allowed = new StringJoiner(" or ");
    for (int fewer = 0; fewer <= table.mostMissing(); fewer++) {
      allowed.add("rank " + (operand.dimensions() - fewer) + " " + table.shape(operand, fewer));
    }
    throw new IllegalArgumentException(operand.name() + " is " + tensor + "; allowed: " + allowed);
  }

  private static void sizes(CallFrame call, OperandTable table, Operand operand, Tensor tensor) {
    int missing = call.missing();
    if (operand.hasAll(tensor, missing)) {
      int rank = operand.dimensions();
      for (int i = 0; i < rank; i++) {
        bind(call, table, operand, tensor, i, operand.dimension(i));
      }
      return;
    }
    int rank = table.rank(operand, missing);
    boolean shared = shares(table, operand, missing) && tensor.rank() == rank - 1;
    boolean grouped = operand.fit() == Operand.Fit.GROUPED && tensor.rank() == rank - 1;
    if (tensor.rank() != rank && !shared && !grouped) {
      throw new IllegalArgumentException(
          operand.name()
              + " is "
              + tensor
              + "; allowed: rank "
              + rank
              + " "
              + table.shape(operand, missing)
              + lower(table, operand, missing)
              + like(call, table, operand));
    }
    int own = 0;
    boolean skipped = !shared;
    for (int i = 0; i < operand.dimensions(); i++) {
      if (table.lacks(operand, i, missing)) {
        if (operand.dimension(i) >= 0) {
          call.size(operand.dimension(i), 1);
        }
      } else if (!skipped) {
        skipped = true;
      } else if (own < tensor.rank()) {
        bind(call, table, operand, tensor, own++, operand.dimension(i));
      }
    }
  }

  /** Which tensor decides on the rank of the others. */
  private static String like(CallFrame call, OperandTable table, Operand operand) {
    Operand first = table.line(0);
    boolean fixed = operand == first || table.mostMissing() == 0;
    return fixed ? "" : ", because " + first.name() + " is " + call.tensor(first.slot());
  }

  /**
   * Whether a tensor may do without its line's first dimension, and be the same for all its
   * indices: not where the call's tensors lack that dimension already.
   */
  private static boolean shares(OperandTable table, Operand operand, int missing) {
    return operand.fit() == Operand.Fit.SHARED && !table.lacks(operand, 0, missing);
  }

  private static String lower(OperandTable table, Operand operand, int missing) {
    return switch (operand.fit()) {
      case SHARED -> shares(table, operand, missing) ? ", or without the first dimension" : "";
      case GROUPED -> ", or without the last dimension";
      case EXACT, BROADCAST -> "";
    };
  }

  /** A size that is not known yet is what the tensor says; one that is known must be the same. */
  private static void bind(
      CallFrame call, OperandTable table, Operand operand, Tensor tensor, int dim, int size) {
    long value = tensor.size(dim);
    long known = call.size(size);
    if (known == value) {
      return;
    }
    if (known != UNKNOWN) {
      String allowed = known + ", the " + table.words(size) + binder(call, table, operand, size);
      throw Checks.wrongSize(operand.name(), tensor, dim, allowed);
    }
    if (value < table.least(size) || value > table.most(size)) {
      String range = table.least(size) + " to " + table.most(size);
      throw Checks.wrongSize(operand.name(), tensor, dim, range + ", the " + table.words(size));
    }
    call.size(size, value);
  }

  /**
   * Which operand said how large a dimension is; empty where the operation's options did. One that
   * broadcasts never says it.
   */
  private static String binder(CallFrame call, OperandTable table, Operand operand, int size) {
    for (int i = 0; i < table.lines() && table.line(i) != operand; i++) {
      Operand earlier = table.line(i);
      if (call.tensor(earlier.slot()) == null
          || !earlier.counts(call.cases())
          || earlier.fit() == Operand.Fit.BROADCAST) {
        continue;
      }
      for (int dim = 0; dim < earlier.dimensions(); dim++) {
        if (earlier.dimension(dim) == size) {
          return " of " + earlier.name();
        }
      }
    }
    return "";
  }

  /** That a tensor broadcasts, right-aligned, to sizes that are known. */
  private static void broadcast(
      CallFrame call, OperandTable table, Operand operand, Tensor tensor) {
    int rank = operand.dimensions();
    int added = rank - tensor.rank();
    boolean fits = added >= 0;
    for (int dim = 0; fits && dim < tensor.rank(); dim++) {
      long size = tensor.size(dim);
      fits = size == 1 || size == call.size(operand.dimension(dim + added));
    }
    if (!fits) {
      long[] target = new long[rank];
      for (int i = 0; i < rank; i++) {
        target[i] = call.size(operand.dimension(i));
      }
      throw new IllegalArgumentException(
          operand.name()
              + " is "
              + tensor
              + "; allowed: what broadcasts, right-aligned, to "
              + table.shape(operand, 0)
              + " = "
              + Layout.text(target));
    }
  }

  /** That writing the tensor of a slot changes no other one. */
  private static void apart(CallFrame call, int slot) {
    Operand operand = call.operand(slot);
    Tensor output = call.required(slot);
    for (int left = call.present() & ~(1 << slot); left != 0; left &= left - 1) {
      int other = Integer.numberOfTrailingZeros(left);
      Tensor tensor = call.required(other);
      if (Overlap.possible(output, tensor)
          && !(other == operand.inPlace() && same(tensor, output))) {
        throw Checks.overlap(operand.name(), output, call.operand(other).name(), tensor);
      }
    }
  }

  /**
   * Whether both are one tensor, which is then worked on in place. The stride of a dimension of one
   * element says nothing.
   */
  private static boolean same(Tensor a, Tensor b) {
    boolean same = a.address() == b.address() && a.dtype() == b.dtype();
    for (int dim = 0; dim < a.rank(); dim++) {
      same &= a.size(dim) == 1 || a.stride(dim) == b.stride(dim);
    }
    return same;
  }

  /** What a checked call that threw says, where another thread has closed a tensor's memory. */
  static IllegalStateException closedMeanwhile(IllegalStateException thrown, CallFrame call) {
    IllegalStateException named = thrown;
    for (int left = call.present(); named == thrown && left != 0; left &= left - 1) {
      int slot = Integer.numberOfTrailingZeros(left);
      named = Checks.closedMeanwhile(thrown, call.operand(slot).name(), call.required(slot));
    }
    return named;
  }

  /** That all tensors lie where the call runs. */
  static void admit(Place place, CallFrame call) {
    for (int left = call.present(); left != 0; left &= left - 1) {
      int slot = Integer.numberOfTrailingZeros(left);
      place.admit(call.operand(slot).name(), call.required(slot));
    }
  }
}

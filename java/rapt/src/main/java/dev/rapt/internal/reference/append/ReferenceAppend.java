// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.append;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.AppendOperation;
import org.jspecify.annotations.Nullable;

/**
 * Each token's key, turned by its angles, and its value go to the token's slot of the cache; its
 * query is turned in place (Su et al. 2021; Kwon et al., "PagedAttention", 2023).
 */
public final class ReferenceAppend {
  private static final long NO_SLOT = -1;

  private final AppendOperation.Tokens tokens;
  private final AppendOperation.Rows keys;
  private final AppendOperation.Rows values;
  private final long slotCount;
  private final long pageSize;
  private final long tableRows;
  private final int pairs;
  private final boolean interleaved;
  private final OperandView key;
  private final OperandView value;
  private final OperandView slots;
  private final OperandView keyCache;
  private final OperandView valueCache;
  private final @Nullable OperandView keyScale;
  private final @Nullable OperandView valueScale;
  private final @Nullable OperandView query;
  private final @Nullable OperandView cosine;
  private final @Nullable OperandView sine;
  private final @Nullable OperandView positions;

  /** A checked call. */
  public ReferenceAppend(AppendOperation operation, CallFrame call) {
    tokens = operation.tokens(call);
    keys = operation.keys(call);
    values = operation.values(call);
    pageSize = operation.pageSize(call);
    slotCount = operation.pages(call) * pageSize;
    tableRows = operation.tableRows(call);
    pairs = (int) operation.pairs(call);
    interleaved = operation.interleaved();
    key = OperandView.of(call, AppendOperation.KEY);
    value = OperandView.of(call, AppendOperation.VALUE);
    slots = OperandView.of(call, AppendOperation.SLOTS);
    keyCache = OperandView.of(call, AppendOperation.KEY_CACHE);
    valueCache = OperandView.of(call, AppendOperation.VALUE_CACHE);
    keyScale = OperandView.optional(call, AppendOperation.KEY_SCALE);
    valueScale = OperandView.optional(call, AppendOperation.VALUE_SCALE);
    query = OperandView.optional(call, AppendOperation.QUERY);
    cosine = OperandView.optional(call, AppendOperation.COSINE);
    sine = OperandView.optional(call, AppendOperation.SINE);
    positions = OperandView.optional(call, AppendOperation.POSITIONS);
  }

  /** Runs it, or refuses positions and slots before anything is written. */
  public void run() {
    if (positions != null) {
      checkPositions(positions);
    }
    SlotChecks.check(slots, tokens.batch(), tokens.length(), slotCount);
    for (long b = 0; b < tokens.batch(); b++) {
      for (long s = 0; s < tokens.length(); s++) {
        append(b, s);
      }
    }
  }

  private void append(long b, long s) {
    for (long h = 0; query != null && h < tokens.queryHeads(); h++) {
      double[] row = row(query, b, h, s, keys.width());
      turn(row, b, s);
      query.setRow(row, b, h, s);
    }
    long slot = slots.getLong(b, s);
    if (slot == NO_SLOT) {
      return;
    }
    for (long h = 0; h < tokens.kvHeads(); h++) {
      double[] row = row(key, b, h, s, keys.width());
      turn(row, b, s);
      store(row, keyCache, keyScale, keys.groups(), slot, h);
      row = row(value, b, h, s, values.width());
      store(row, valueCache, valueScale, values.groups(), slot, h);
    }
  }

  private static double[] row(OperandView from, long b, long h, long s, long width) {
    double[] row = new double[(int) width];
    for (int d = 0; d < width; d++) {
      row[d] = from.get(b, h, s, d);
    }
    return row;
  }

  private void turn(double[] row, long b, long s) {
    if (cosine == null || sine == null) {
      return;
    }
    for (int i = 0; i < pairs; i++) {
      double c = angle(cosine, b, s, i);
      double n = angle(sine, b, s, i);
      int first = interleaved ? 2 * i : i;
      int second = interleaved ? 2 * i + 1 : i + pairs;
      double x = row[first];
      double y = row[second];
      row[first] = c * x - n * y;
      row[second] = n * x + c * y;
    }
  }

  /** The cosine or sine by which pair {@code i} of token (b, s) turns. */
  private double angle(OperandView table, long b, long s, long i) {
    return positions == null ? table.get(b, s, i, 0) : table.get(positions.getLong(b, s), i, 0, 0);
  }

  private void store(
      double[] row,
      OperandView cache,
      @Nullable OperandView scale,
      long groups,
      long slot,
      long h) {
    long page = slot / pageSize;
    long at = slot % pageSize;
    if (scale == null) {
      cache.setRow(row, page, h, at);
      return;
    }
    int width = row.length / (int) groups;
    for (int g = 0; g < groups; g++) {
      float factor = GroupScale.of(row, g * width, width);
      scale.set(factor, page, h, at, g);
      for (int d = g * width; d < (g + 1) * width; d++) {
        cache.set(factor > 0 ? Math.rint(row[d] / factor) : 0, page, h, at, d);
      }
    }
  }

  private void checkPositions(OperandView given) {
    for (long b = 0; b < tokens.batch(); b++) {
      for (long s = 0; s < tokens.length(); s++) {
        long position = given.getLong(b, s);
        if (position < 0 || position >= tableRows) {
          throw new IllegalArgumentException(
              "positions("
                  + b
                  + ", "
                  + s
                  + ") is "
                  + position
                  + "; allowed: 0 to "
                  + (tableRows - 1));
        }
      }
    }
  }
}

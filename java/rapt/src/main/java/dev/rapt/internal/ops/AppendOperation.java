// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;
import static dev.rapt.internal.call.OperandTable.MAX_HEAD_DIM;
import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.DType;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.Operand.Fit;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.call.Operation;
import dev.rapt.internal.ffi.rapt_append;
import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.LongSupplier;

/** Appending keys and values to a cache: {@code append.h}. */
public final class AppendOperation extends Operation {
  /** Slots of the tensors. */
  public static final int KEY = 0;

  public static final int VALUE = 1;
  public static final int SLOTS = 2;
  public static final int KEY_CACHE = 3;
  public static final int VALUE_CACHE = 4;
  public static final int KEY_SCALE = 5;
  public static final int VALUE_SCALE = 6;
  public static final int QUERY = 7;
  public static final int COSINE = 8;
  public static final int SINE = 9;
  public static final int POSITIONS = 10;

  /** How many slots there are. */
  public static final int COUNT = 11;

  private static final int BY_POSITION = 1;
  private static final int BY_TOKEN = 2;
  private static final int KEY_I8 = 4;
  private static final int VALUE_I8 = 8;

  private static final OperandTable TABLE =
      OperandTable.of("append", rapt_h::RAPT_APPEND, rapt_append::layout)
          .size("B", "batch", rapt_append::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("Hkv", "key and value heads", rapt_append::kv_heads$offset, 1, MAX_FEATURES)
          .size("S", "length", rapt_append::length$offset, 0, MAX_SIZE)
          .size("D", "head dimension", rapt_append::head_dim$offset, 1, MAX_HEAD_DIM)
          .size("Dv", "value's head dimension", rapt_append::value_dim$offset, 1, MAX_HEAD_DIM)
          .size("P", "pages", rapt_append::pages$offset, 1, MAX_SIZE)
          .size("N", "page size", rapt_append::page_size$offset, 1, MAX_SIZE)
          .size("Hq", "query heads", rapt_append::query_heads$offset, 0, MAX_FEATURES)
          .size("G", "groups", rapt_append::key_scale_groups$offset, 1, MAX_HEAD_DIM)
          .size("Gv", "groups", rapt_append::value_scale_groups$offset, 1, MAX_HEAD_DIM)
          .size("T", "rows", rapt_append::table_length$offset, 1, MAX_SIZE)
          .size("R/2", "pairs that turn")
          .operand(
              Operand.read(KEY, "key", "B Hkv S D", Operand.FLOATS).at(rapt_append::key$offset))
          .operand(
              Operand.read(VALUE, "value", "B Hkv S Dv", Operand.FLOATS)
                  .at(rapt_append::value$offset))
          .operand(
              Operand.read(SLOTS, "slots", "B S", Operand.INDICES).at(rapt_append::slots$offset))
          .operand(
              Operand.write(KEY_CACHE, "keyCache", "P Hkv N D", Operand.FLOATS_OR_I8)
                  .at(rapt_append::key_cache$offset))
          .operand(
              Operand.write(VALUE_CACHE, "valueCache", "P Hkv N Dv", Operand.FLOATS_OR_I8)
                  .at(rapt_append::value_cache$offset))
          .operand(
              Operand.write(KEY_SCALE, "keyScale", "P Hkv N G", DType.F32)
                  .at(rapt_append::key_scale$offset)
                  .fit(Fit.GROUPED)
                  .when(KEY_I8))
          .operand(
              Operand.write(VALUE_SCALE, "valueScale", "P Hkv N Gv", DType.F32)
                  .at(rapt_append::value_scale$offset)
                  .fit(Fit.GROUPED)
                  .when(VALUE_I8))
          .operand(
              Operand.write(QUERY, "query", "B Hq S D", Operand.FLOATS)
                  .at(rapt_append::query$offset)
                  .optional())
          .operand(
              Operand.read(POSITIONS, "positions", "B S", Operand.INDICES)
                  .at(rapt_append::positions$offset)
                  .optional()
                  .fit(Fit.SHARED))
          .operand(byPosition(COSINE, "cosine", rapt_append::cosine$offset))
          .operand(byPosition(SINE, "sine", rapt_append::sine$offset))
          .operand(byToken(COSINE, "cosine", rapt_append::cosine$offset))
          .operand(byToken(SINE, "sine", rapt_append::sine$offset))
          .build();

  private static final int B = TABLE.index("B");
  private static final int HKV = TABLE.index("Hkv");
  private static final int S = TABLE.index("S");
  private static final int D = TABLE.index("D");
  private static final int DV = TABLE.index("Dv");
  private static final int P = TABLE.index("P");
  private static final int N = TABLE.index("N");
  private static final int HQ = TABLE.index("Hq");
  private static final int G = TABLE.index("G");
  private static final int GV = TABLE.index("Gv");
  private static final int T = TABLE.index("T");
  private static final int PAIRS = TABLE.index("R/2");

  private final boolean interleaved;
  private final long rotaryDim;

  /**
   * Appending.
   *
   * @param interleaved whether elements 2i and 2i + 1 form pair i; otherwise i and i + R / 2
   * @param rotaryDim R, even: the elements at a row's beginning that turn; 0 = all of them
   */
  public AppendOperation(boolean interleaved, long rotaryDim) {
    this.interleaved = interleaved;
    this.rotaryDim = rotaryDim;
  }

  private static Operand byPosition(int slot, String name, LongSupplier field) {
    return Operand.read(slot, name, "T R/2", Operand.FLOATS).at(field).when(BY_POSITION);
  }

  private static Operand byToken(int slot, String name, LongSupplier field) {
    return Operand.read(slot, name, "B S R/2", Operand.FLOATS)
        .at(field)
        .when(BY_TOKEN)
        .fit(Fit.SHARED);
  }

  /** Whether elements 2i and 2i + 1 form pair i. */
  public boolean interleaved() {
    return interleaved;
  }

  /** The sizes of new tokens; {@code queryHeads} is 0 where there is no query. */
  public record Tokens(long batch, long length, long kvHeads, long queryHeads) {}

  /** The rows of one kind: their width, and the scales of one that is I8. */
  public record Rows(long width, long groups) {}

  /** The sizes of new tokens in a checked call. */
  public Tokens tokens(CallFrame call) {
    long queryHeads = call.tensor(QUERY) == null ? 0 : call.size(HQ);
    return new Tokens(call.size(B), call.size(S), call.size(HKV), queryHeads);
  }

  /** The keys of a checked call. */
  public Rows keys(CallFrame call) {
    return new Rows(call.size(D), call.size(G));
  }

  /** The values of a checked call. */
  public Rows values(CallFrame call) {
    return new Rows(call.size(DV), call.size(GV));
  }

  /** How many pages the cache of a checked call has. */
  public long pages(CallFrame call) {
    return call.size(P);
  }

  /** How many rows a page has. */
  public long pageSize(CallFrame call) {
    return call.size(N);
  }

  /** How many rows the tables by position have. */
  public long tableRows(CallFrame call) {
    return call.size(T);
  }

  /** How many pairs of a row turn; 0 where nothing does. */
  public long pairs(CallFrame call) {
    return call.size(PAIRS);
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }

  @Override
  public void rules(CallFrame call) {
    int cases = 0;
    cases |= Scales.needed(call, KEY_CACHE, KEY_SCALE, G, D) ? KEY_I8 : 0;
    cases |= Scales.needed(call, VALUE_CACHE, VALUE_SCALE, GV, DV) ? VALUE_I8 : 0;
    if (call.tensor(COSINE) == null) {
      unturned(call);
    } else {
      cases |= call.tensor(POSITIONS) == null ? BY_TOKEN : BY_POSITION;
      call.size(PAIRS, turning(call.size(D)) / 2);
    }
    call.cases(cases);
  }

  private long turning(long headDim) {
    long turning = rotaryDim == 0 ? headDim : rotaryDim;
    if (turning > headDim || turning % 2 != 0) {
      throw new IllegalArgumentException(
          "rotaryDim is "
              + (rotaryDim == 0 ? "0, which stands for all " : "")
              + turning
              + "; allowed: even, at most the head dimension "
              + headDim);
    }
    return turning;
  }

  private static void unturned(CallFrame call) {
    if (call.tensor(POSITIONS) != null) {
      throw new IllegalArgumentException(
          "positions is "
              + call.tensor(POSITIONS)
              + "; allowed: none, because there are no tables");
    }
    call.size(PAIRS, 0);
  }

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    struct.set(ValueLayout.JAVA_LONG, Fields.ROTARY_DIM, 2 * call.size(PAIRS));
    boolean flag = interleaved && call.size(PAIRS) > 0;
    struct.set(ValueLayout.JAVA_INT, Fields.FLAGS, flag ? rapt_h.RAPT_ROPE_INTERLEAVED() : 0);
  }

  /** Offsets, which native calls alone ask for. */
  private static final class Fields {
    static final long ROTARY_DIM = rapt_append.rotary_dim$offset();
    static final long FLAGS = rapt_append.flags$offset();
  }
}

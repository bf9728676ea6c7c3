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
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_sdpa;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;

/** Scaled dot-product attention: {@code sdpa.h}. */
public final class SdpaOperation extends Operation {
  /** Slots of the tensors. */
  public static final int QUERY = 0;

  public static final int KEY = 1;
  public static final int VALUE = 2;
  public static final int OUTPUT = 3;
  public static final int MASK = 4;
  public static final int BIAS = 5;
  public static final int ALIBI_SLOPES = 6;
  public static final int SINKS = 7;
  public static final int LSE = 8;
  public static final int WEIGHTS = 9;
  public static final int KEY_SCALE = 10;
  public static final int VALUE_SCALE = 11;
  public static final int POSITIONS = 12;

  /** How many slots there are. */
  public static final int SLOTS = 13;

  private static final int KEY_I8 = 1;
  private static final int VALUE_I8 = 2;

  private static final OperandTable TABLE =
      OperandTable.of("sdpa", rapt_h::RAPT_SDPA, rapt_sdpa::layout)
          .size("B", "batch", rapt_sdpa::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("Hq", "query heads", rapt_sdpa::query_heads$offset, 1, MAX_FEATURES)
          .droppedAt(2)
          .size("Hkv", "key and value heads", rapt_sdpa::kv_heads$offset, 1, MAX_FEATURES)
          .droppedAt(2)
          .size("Sq", "query length", rapt_sdpa::query_len$offset, 0, MAX_SIZE)
          .size("Skv", "key length", rapt_sdpa::kv_len$offset, 0, MAX_SIZE)
          .size("D", "head dimension", rapt_sdpa::head_dim$offset, 1, MAX_HEAD_DIM)
          .size("Dv", "value's head dimension", rapt_sdpa::value_dim$offset, 1, MAX_HEAD_DIM)
          .size("G", "groups", rapt_sdpa::key_scale_groups$offset, 1, MAX_HEAD_DIM)
          .size("Gv", "groups", rapt_sdpa::value_scale_groups$offset, 1, MAX_HEAD_DIM)
          .operand(
              Operand.read(QUERY, "query", "B Hq Sq D", Operand.FLOATS).at(rapt_sdpa::query$offset))
          .operand(
              Operand.read(KEY, "key", "B Hkv Skv D", Operand.FLOATS_OR_I8)
                  .at(rapt_sdpa::key$offset))
          .operand(
              Operand.read(VALUE, "value", "B Hkv Skv Dv", Operand.FLOATS_OR_I8)
                  .at(rapt_sdpa::value$offset))
          .operand(
              Operand.write(OUTPUT, "output", "B Hq Sq Dv", Operand.FLOATS)
                  .at(rapt_sdpa::output$offset))
          .operand(mask(MASK, rapt_sdpa::mask$offset))
          .operand(bias(BIAS, rapt_sdpa::bias$offset))
          .operand(perHead(ALIBI_SLOPES, "alibiSlopes", rapt_sdpa::alibi_slopes$offset))
          .operand(perHead(SINKS, "sinks", rapt_sdpa::sinks$offset))
          .operand(lse(LSE, rapt_sdpa::lse$offset))
          .operand(
              Operand.write(WEIGHTS, "weights", "B Hq Sq Skv", Operand.FLOATS)
                  .at(rapt_sdpa::weights$offset)
                  .optional())
          .operand(
              Operand.read(KEY_SCALE, "keyScale", "B Hkv Skv G", DType.F32)
                  .at(rapt_sdpa::key_scale$offset)
                  .fit(Fit.GROUPED)
                  .when(KEY_I8))
          .operand(
              Operand.read(VALUE_SCALE, "valueScale", "B Hkv Skv Gv", DType.F32)
                  .at(rapt_sdpa::value_scale$offset)
                  .fit(Fit.GROUPED)
                  .when(VALUE_I8))
          .operand(positions(POSITIONS, rapt_sdpa::positions$offset))
          .build();

  private static final int B = TABLE.index("B");
  private static final int HQ = TABLE.index("Hq");
  private static final int HKV = TABLE.index("Hkv");
  private static final int SQ = TABLE.index("Sq");
  private static final int SKV = TABLE.index("Skv");
  private static final int D = TABLE.index("D");
  private static final int DV = TABLE.index("Dv");
  private static final int G = TABLE.index("G");
  private static final int GV = TABLE.index("Gv");

  /** The sizes of a checked call. */
  public record Sizes(
      long batch,
      long heads,
      long kvHeads,
      long queryLen,
      long kvLen,
      long headDim,
      long valueDim) {}

  private final SdpaOptions options;

  /** Attention with these options. */
  public SdpaOperation(SdpaOptions options) {
    this.options = options;
  }

  /** A boolean mask over (B, Hq, Sq, Skv). */
  static Operand mask(int slot, LongSupplier field) {
    return Operand.read(slot, "mask", "B Hq Sq Skv", DType.BOOL)
        .at(field)
        .optional()
        .fit(Fit.BROADCAST)
        .hint("numbers that are added to the scores are a bias");
  }

  /** An additive bias over (B, Hq, Sq, Skv). */
  static Operand bias(int slot, LongSupplier field) {
    return Operand.read(slot, "bias", "B Hq Sq Skv", Operand.FLOATS)
        .at(field)
        .optional()
        .fit(Fit.BROADCAST)
        .hint("booleans are a mask");
  }

  /** A number per head. */
  static Operand perHead(int slot, String name, LongSupplier field) {
    return Operand.read(slot, name, "B Hq", DType.F32).at(field).optional().fit(Fit.BROADCAST);
  }

  /** The log-sum-exp output. */
  static Operand lse(int slot, LongSupplier field) {
    return Operand.write(slot, "lse", "B Hq Sq", DType.F32).at(field).optional();
  }

  /** The position of each sample's query 0. */
  static Operand positions(int slot, LongSupplier field) {
    return Operand.read(slot, "positions", "B", Operand.INDICES)
        .at(field)
        .optional()
        .fit(Fit.BROADCAST);
  }

  /** How scores become weights. */
  public SdpaOptions options() {
    return options;
  }

  /** The sizes of a checked call. */
  public Sizes sizes(CallFrame call) {
    return new Sizes(
        call.size(B),
        call.size(HQ),
        call.size(HKV),
        call.size(SQ),
        call.size(SKV),
        call.size(D),
        call.size(DV));
  }

  /** The groups of a checked call's I8 keys. */
  public long keyGroups(CallFrame call) {
    return call.size(G);
  }

  /** The groups of a checked call's I8 values. */
  public long valueGroups(CallFrame call) {
    return call.size(GV);
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }

  @Override
  public void rules(CallFrame call) {
    heads(call.size(HQ), call.size(HKV));
    int cases = 0;
    cases |= Scales.needed(call, KEY, KEY_SCALE, G, D) ? KEY_I8 : 0;
    cases |= Scales.needed(call, VALUE, VALUE_SCALE, GV, DV) ? VALUE_I8 : 0;
    call.cases(cases);
    options.checkPositions(call.tensor(POSITIONS));
  }

  /** That the query's heads are a multiple of the key's. */
  public static void heads(long heads, long kvHeads) {
    if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "query has "
              + heads
              + " heads and key "
              + kvHeads
              + "; allowed: 1 or more, the query's a multiple of the key's");
    }
  }

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    SdpaOptionsStruct.write(struct, Fields.OPTIONS, options, position(call, call.size(SKV)));
  }

  private long position(CallFrame call, long kvLen) {
    return call.tensor(POSITIONS) == null ? options.position(call.size(SQ), kvLen) : 0;
  }

  /** Offsets, which native calls alone ask for. */
  private static final class Fields {
    static final long OPTIONS = rapt_sdpa.options$offset();
  }
}

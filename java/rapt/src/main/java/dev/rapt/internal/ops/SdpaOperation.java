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
import java.lang.foreign.ValueLayout;
import java.util.function.LongSupplier;

/** Scaled dot-product attention: {@code sdpa.h}. */
public sealed class SdpaOperation extends Operation permits SdpaBatchOperation {
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
  public static final int KEY_LENGTHS = 13;
  public static final int QUERY_STARTS = 14;
  public static final int KEY_STARTS = 15;
  public static final int PAGE_TABLE = 16;

  /** How many slots there are. */
  public static final int SLOTS = 17;

  private static final int KEY_I8 = 1;
  private static final int VALUE_I8 = 2;

  private static final OperandTable TABLE =
      lines(
              OperandTable.of("sdpa", rapt_h::RAPT_SDPA, rapt_sdpa::layout)
                  .size("B", "batch", rapt_sdpa::batch$offset, 0, MAX_SIZE)
                  .droppedAt(1)
                  .size("Hq", "query heads", rapt_sdpa::query_heads$offset, 1, MAX_FEATURES)
                  .droppedAt(2)
                  .size("Hkv", "key and value heads", rapt_sdpa::kv_heads$offset, 1, MAX_FEATURES)
                  .droppedAt(2),
              "B Hq Sq",
              "B Hkv Skv")
          .build();

  // The same in every table of this operation.
  static final int B = TABLE.index("B");
  static final int HQ = TABLE.index("Hq");
  static final int HKV = TABLE.index("Hkv");
  static final int SQ = TABLE.index("Sq");
  static final int SKV = TABLE.index("Skv");
  static final int D = TABLE.index("D");
  static final int DV = TABLE.index("Dv");
  static final int G = TABLE.index("G");
  static final int GV = TABLE.index("Gv");

  /**
   * The sizes and operands that every table of this operation has, in one order, behind those of
   * batch and heads.
   *
   * @param queries the shape of query, output, LSE and weights without their last dimension
   * @param keys the same of key, value and their scales
   */
  static OperandTable.Builder lines(OperandTable.Builder table, String queries, String keys) {
    return table
        .size("Sq", "query length", rapt_sdpa::query_len$offset, 0, MAX_SIZE)
        .size("Skv", "key length", rapt_sdpa::kv_len$offset, 0, MAX_SIZE)
        .size("D", "head dimension", rapt_sdpa::head_dim$offset, 1, MAX_HEAD_DIM)
        .size("Dv", "value's head dimension", rapt_sdpa::value_dim$offset, 1, MAX_HEAD_DIM)
        .size("G", "groups", rapt_sdpa::key_scale_groups$offset, 1, MAX_HEAD_DIM)
        .size("Gv", "groups", rapt_sdpa::value_scale_groups$offset, 1, MAX_HEAD_DIM)
        .operand(
            Operand.read(QUERY, "query", queries + " D", Operand.FLOATS)
                .at(rapt_sdpa::query$offset))
        .operand(
            Operand.read(KEY, "key", keys + " D", Operand.FLOATS_OR_I8).at(rapt_sdpa::key$offset))
        .operand(
            Operand.read(VALUE, "value", keys + " Dv", Operand.FLOATS_OR_I8)
                .at(rapt_sdpa::value$offset))
        .operand(
            Operand.write(OUTPUT, "output", queries + " Dv", Operand.FLOATS)
                .at(rapt_sdpa::output$offset))
        .operand(mask(MASK, rapt_sdpa::mask$offset))
        .operand(bias(BIAS, rapt_sdpa::bias$offset))
        .operand(perHead(ALIBI_SLOPES, "alibiSlopes", rapt_sdpa::alibi_slopes$offset))
        .operand(perHead(SINKS, "sinks", rapt_sdpa::sinks$offset))
        .operand(lse(LSE, queries, rapt_sdpa::lse$offset))
        .operand(
            Operand.write(WEIGHTS, "weights", queries + " Skv", Operand.FLOATS)
                .at(rapt_sdpa::weights$offset)
                .optional())
        .operand(
            Operand.read(KEY_SCALE, "keyScale", keys + " G", DType.F32)
                .at(rapt_sdpa::key_scale$offset)
                .fit(Fit.GROUPED)
                .when(KEY_I8))
        .operand(
            Operand.read(VALUE_SCALE, "valueScale", keys + " Gv", DType.F32)
                .at(rapt_sdpa::value_scale$offset)
                .fit(Fit.GROUPED)
                .when(VALUE_I8))
        .operand(positions(POSITIONS, rapt_sdpa::positions$offset));
  }

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
  static Operand lse(int slot, String shape, LongSupplier field) {
    return Operand.write(slot, "lse", shape, DType.F32).at(field).optional();
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

  /** The samples of a checked call as they lie in its tensors. */
  public SdpaSamples samples(CallFrame call) {
    return SdpaSamples.alike(sizes(call), options.position(call.size(SQ), call.size(SKV)));
  }

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    long position =
        call.tensor(POSITIONS) == null ? options.position(call.size(SQ), call.size(SKV)) : 0;
    SdpaOptionsStruct.write(struct, Fields.OPTIONS, options, position, 0);
    writeTotals(struct, 0, 0, 0, 0, 0);
  }

  /** Writes what only batches of samples with sizes of their own have; the struct is used again. */
  static void writeTotals(
      MemorySegment struct, long queries, long keys, long pages, long pageSize, long maxPages) {
    struct.set(ValueLayout.JAVA_LONG, Fields.TOTAL_QUERIES, queries);
    struct.set(ValueLayout.JAVA_LONG, Fields.TOTAL_KEYS, keys);
    struct.set(ValueLayout.JAVA_LONG, Fields.PAGES, pages);
    struct.set(ValueLayout.JAVA_LONG, Fields.PAGE_SIZE, pageSize);
    struct.set(ValueLayout.JAVA_LONG, Fields.MAX_PAGES, maxPages);
  }

  /** Offsets, which native calls alone ask for. */
  static final class Fields {
    static final long OPTIONS = rapt_sdpa.options$offset();
    private static final long TOTAL_QUERIES = rapt_sdpa.total_queries$offset();
    private static final long TOTAL_KEYS = rapt_sdpa.total_keys$offset();
    private static final long PAGES = rapt_sdpa.pages$offset();
    private static final long PAGE_SIZE = rapt_sdpa.page_size$offset();
    private static final long MAX_PAGES = rapt_sdpa.max_pages$offset();

    private Fields() {}
  }
}

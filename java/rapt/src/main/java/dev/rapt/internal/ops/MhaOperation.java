// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;
import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.DType;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.Operand.Fit;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.call.Operation;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_mha;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Multi-head attention: {@code mha.h}. */
public final class MhaOperation extends Operation {
  /** Slots of the tensors. */
  public static final int QUERY = 0;

  public static final int KEY = 1;
  public static final int VALUE = 2;
  public static final int OUTPUT = 3;
  public static final int MASK = 4;
  public static final int BIAS = 5;
  public static final int KEY_PADDING_MASK = 6;
  public static final int ALIBI_SLOPES = 7;
  public static final int SINKS = 8;
  public static final int LSE = 9;
  public static final int WEIGHTS = 10;
  public static final int POSITIONS = 11;

  /** How many slots callers fill; the model's own follow. */
  public static final int SLOTS = 12;

  private static final int BIAS_KEY = 12;
  private static final int BIAS_VALUE = 13;

  private static final int PER_HEAD = 1;
  private static final int AVERAGED = 2;

  private static final OperandTable TABLE =
      OperandTable.of("mha", rapt_h::RAPT_MHA, rapt_mha::layout)
          .size("B", "batch", rapt_mha::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("Hq", "query heads", rapt_mha::query_heads$offset, 1, MAX_FEATURES)
          .size("Hkv", "key and value heads", rapt_mha::kv_heads$offset, 1, MAX_FEATURES)
          .size("Sq", "query length", rapt_mha::query_len$offset, 0, MAX_SIZE)
          .size("Skv", "key length", rapt_mha::kv_len$offset, 0, MAX_SIZE)
          .size("Eq", "features of the query projection")
          .size("Ek", "features of the key projection")
          .size("Ev", "features of the value projection")
          .size("E", "features of the output")
          .size("T", "keys with the appended ones")
          .size("Hkv*D", "rows of the key weight")
          .size("Hkv*Dv", "rows of the value weight")
          .operand(
              Operand.read(QUERY, "query", "B Sq Eq", Operand.FLOATS).at(rapt_mha::query$offset))
          .operand(Operand.read(KEY, "key", "B Skv Ek", Operand.FLOATS).at(rapt_mha::key$offset))
          .operand(
              Operand.read(VALUE, "value", "B Skv Ev", Operand.FLOATS).at(rapt_mha::value$offset))
          .operand(
              Operand.write(OUTPUT, "output", "B Sq E", Operand.FLOATS).at(rapt_mha::output$offset))
          .operand(SdpaOperation.mask(MASK, rapt_mha::mask$offset))
          .operand(SdpaOperation.bias(BIAS, rapt_mha::bias$offset))
          .operand(
              Operand.read(KEY_PADDING_MASK, "keyPaddingMask", "B Skv", DType.BOOL)
                  .at(rapt_mha::key_padding_mask$offset)
                  .optional()
                  .fit(Fit.BROADCAST))
          .operand(
              SdpaOperation.perHead(ALIBI_SLOPES, "alibiSlopes", rapt_mha::alibi_slopes$offset))
          .operand(SdpaOperation.perHead(SINKS, "sinks", rapt_mha::sinks$offset))
          .operand(SdpaOperation.lse(LSE, "B Hq Sq", rapt_mha::lse$offset))
          .operand(weights("B Hq Sq T").when(PER_HEAD))
          .operand(weights("B - Sq T").when(AVERAGED))
          .operand(SdpaOperation.positions(POSITIONS, rapt_mha::positions$offset))
          .operand(
              Operand.read(BIAS_KEY, "biasKey", "Hkv*D", Operand.FLOATS)
                  .at(rapt_mha::bias_key$offset)
                  .optional())
          .operand(
              Operand.read(BIAS_VALUE, "biasValue", "Hkv*Dv", Operand.FLOATS)
                  .at(rapt_mha::bias_value$offset)
                  .optional())
          .build();

  private static final int B = TABLE.index("B");
  private static final int HQ = TABLE.index("Hq");
  private static final int HKV = TABLE.index("Hkv");
  private static final int SQ = TABLE.index("Sq");
  private static final int SKV = TABLE.index("Skv");
  private static final int EQ = TABLE.index("Eq");
  private static final int EK = TABLE.index("Ek");
  private static final int EV = TABLE.index("Ev");
  private static final int E = TABLE.index("E");
  private static final int T = TABLE.index("T");
  private static final int KEY_WIDTH = TABLE.index("Hkv*D");
  private static final int VALUE_WIDTH = TABLE.index("Hkv*Dv");

  private final MhaModel model;

  /** Multi-head attention of a model. */
  public MhaOperation(MhaModel model) {
    this.model = model;
  }

  private static Operand weights(String shape) {
    return Operand.write(WEIGHTS, "weights", shape, Operand.FLOATS)
        .at(rapt_mha::weights$offset)
        .optional();
  }

  /** The batch of a checked call. */
  public long batch(CallFrame call) {
    return call.size(B);
  }

  /** The query length of a checked call. */
  public long queryLen(CallFrame call) {
    return call.size(SQ);
  }

  /** The key length of a checked call, without the appended keys. */
  public long kvLen(CallFrame call) {
    return call.size(SKV);
  }

  /** Heads, weights and options. */
  public MhaModel model() {
    return model;
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }

  @Override
  public void given(CallFrame call) {
    MhaModel.Projections projections = model.projections();
    call.set(BIAS_KEY, model.appended().biasKey());
    call.set(BIAS_VALUE, model.appended().biasValue());
    call.size(HQ, model.heads());
    call.size(HKV, model.kvHeads());
    call.size(EQ, projections.query().inFeatures());
    call.size(EK, projections.key().inFeatures());
    call.size(EV, projections.value().inFeatures());
    call.size(E, model.outFeatures());
    call.size(KEY_WIDTH, projections.key().outFeatures());
    call.size(VALUE_WIDTH, projections.value().outFeatures());
  }

  @Override
  public void rules(CallFrame call) {
    call.size(T, call.size(SKV) + model.appended().count());
    call.cases(model.projections().averageWeights() ? AVERAGED : PER_HEAD);
    model.options().checkPositions(call.tensor(POSITIONS));
  }

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    MhaModel.Projections projections = model.projections();
    struct.set(ValueLayout.ADDRESS, Fields.QUERY_PROJECTION, handle(projections.query()));
    struct.set(ValueLayout.ADDRESS, Fields.KEY_PROJECTION, handle(projections.key()));
    struct.set(ValueLayout.ADDRESS, Fields.VALUE_PROJECTION, handle(projections.value()));
    struct.set(ValueLayout.ADDRESS, Fields.OUTPUT_PROJECTION, handle(projections.output()));
    SdpaOptions options = model.options();
    boolean placed = call.tensor(POSITIONS) != null;
    long position = placed ? 0 : options.position(call.size(SQ), call.size(SKV));
    SdpaOptionsStruct.write(struct, Fields.OPTIONS, options, position, 0);
    struct.set(ValueLayout.JAVA_INT, Fields.FLAGS, flags());
  }

  private static MemorySegment handle(@Nullable PackedWeights weights) {
    return weights == null ? MemorySegment.NULL : weights.handle();
  }

  private int flags() {
    return (model.appended().zeros() ? rapt_h.RAPT_MHA_ADD_ZERO_ATTENTION() : 0)
        | (model.projections().averageWeights() ? rapt_h.RAPT_MHA_AVERAGE_WEIGHTS() : 0);
  }

  /** Offsets, which native calls alone ask for. */
  private static final class Fields {
    static final long QUERY_PROJECTION = rapt_mha.query_projection$offset();
    static final long KEY_PROJECTION = rapt_mha.key_projection$offset();
    static final long VALUE_PROJECTION = rapt_mha.value_projection$offset();
    static final long OUTPUT_PROJECTION = rapt_mha.output_projection$offset();
    static final long OPTIONS = rapt_mha.options$offset();
    static final long FLAGS = rapt_mha.mha_flags$offset();
  }
}

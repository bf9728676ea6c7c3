// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;

/**
 * One attention operator of ONNX Runtime's CPU provider, on the caller's memory: inputs and output
 * are direct buffers, so nothing is copied or allocated around the operator.
 */
final class OnnxContender implements Contender {
  private static final int OPSET = 23;
  private static final int IR_VERSION = 10;

  private final String operator;
  private final MemorySegment output;
  private final OrtSession session;
  private final Map<String, OnnxTensor> inputs;
  private final Map<String, OnnxTensor> outputs;

  private OnnxContender(
      String operator,
      GraphProto.Builder graph,
      Operands operands,
      long[] queryShape,
      long[] keyShape,
      int threads)
      throws OrtException {
    this.operator = operator;
    this.output = operands.output;
    graph.setName(operator).addInput(value("query", queryShape));
    graph.addInput(value("key", keyShape)).addInput(value("value", keyShape));
    graph.addOutput(value("output", queryShape));
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      session = environment.createSession(model(graph), options);
    }
    inputs =
        Map.of(
            "query", tensor(environment, operands.query, queryShape),
            "key", tensor(environment, operands.key, keyShape),
            "value", tensor(environment, operands.value, keyShape));
    outputs = Map.of("output", tensor(environment, operands.output, queryShape));
  }

  /** ai.onnx Attention of opset 23. */
  static OnnxContender attention(Shape shape, Operands operands, int threads) {
    NodeProto.Builder node = node("Attention", "").addAttribute(integer("is_causal", shape.causal));
    return open(node, operands, shape.queryShape(), shape.keyShape(), threads);
  }

  /**
   * com.microsoft MultiHeadAttention, which reads (B, S, H * D) and so the same bytes in another
   * order; for as many key heads as query heads.
   */
  static OnnxContender multiHead(Shape shape, Operands operands, int threads) {
    if (shape.heads != shape.kvHeads) {
      throw new IllegalArgumentException("MultiHeadAttention has no grouped heads: " + shape);
    }
    NodeProto.Builder node =
        node("MultiHeadAttention", "com.microsoft")
            .addAttribute(integer("unidirectional", shape.causal))
            .addAttribute(
                AttributeProto.newBuilder()
                    .setName("num_heads")
                    .setType(AttributeType.INT)
                    .setI(shape.heads));
    long width = (long) shape.heads * shape.headDim;
    return open(
        node,
        operands,
        new long[] {shape.batch, shape.queryLen, width},
        new long[] {shape.batch, shape.kvLen, width},
        threads);
  }

  @Override
  public String name() {
    return "ONNX Runtime " + operator;
  }

  @Override
  public void run() {
    try (OrtSession.Result result = session.run(inputs, outputs)) {
      if (result.size() != 1) {
        throw new IllegalStateException(operator + " gave " + result.size() + " outputs");
      }
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public MemorySegment output() {
    return output;
  }

  @Override
  public void close() {
    inputs.values().forEach(OnnxTensor::close);
    outputs.values().forEach(OnnxTensor::close);
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  private static OnnxContender open(
      NodeProto.Builder node, Operands operands, long[] query, long[] key, int threads) {
    try {
      GraphProto.Builder graph = GraphProto.newBuilder().addNode(node);
      return new OnnxContender(node.getOpType(), graph, operands, query, key, threads);
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  private static NodeProto.Builder node(String operator, String domain) {
    return NodeProto.newBuilder()
        .setOpType(operator)
        .setDomain(domain)
        .addAllInput(List.of("query", "key", "value"))
        .addOutput("output");
  }

  private static AttributeProto.Builder integer(String name, boolean value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value ? 1 : 0);
  }

  private static byte[] model(GraphProto.Builder graph) {
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("com.microsoft").setVersion(1))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  private static ValueInfoProto.Builder value(String name, long[] shape) {
    TensorShapeProto.Builder dimensions = TensorShapeProto.newBuilder();
    for (long size : shape) {
      dimensions.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(size));
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(DataType.FLOAT.getNumber())
                        .setShape(dimensions)));
  }

  private static OnnxTensor tensor(OrtEnvironment environment, MemorySegment memory, long[] shape)
      throws OrtException {
    return OnnxTensor.createTensor(
        environment, memory.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer(), shape);
  }
}

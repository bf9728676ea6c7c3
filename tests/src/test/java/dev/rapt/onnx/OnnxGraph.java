// SPDX-License-Identifier: Apache-2.0
package dev.rapt.onnx;

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
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A small ONNX model with its input values, built in memory and run once by ONNX Runtime on one
 * thread. Inputs are named by the caller; the empty name stands for an absent one.
 */
final class OnnxGraph implements AutoCloseable {
  private static final int IR_VERSION = 10;

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("graph");
  private final Map<String, OnnxTensorLike> values = new HashMap<>();
  private final int opset;

  OnnxGraph(int opset) {
    this.opset = opset;
  }

  /** Adds an f32 input and returns its name. */
  String input(String name, float[] data, long... shape) throws OrtException {
    declare(name, DataType.FLOAT, shape);
    values.put(name, OnnxTensor.createTensor(environment, FloatBuffer.wrap(data), shape));
    return name;
  }

  /** Adds a boolean input, true where the number is not 0, and returns its name. */
  String bools(String name, float[] data, long... shape) throws OrtException {
    declare(name, DataType.BOOL, shape);
    ByteBuffer bytes = ByteBuffer.allocateDirect(data.length).order(ByteOrder.nativeOrder());
    for (float value : data) {
      bytes.put((byte) (value != 0 ? 1 : 0));
    }
    values.put(name, OnnxTensor.createTensor(environment, bytes.flip(), shape, OnnxJavaType.BOOL));
    return name;
  }

  /** Adds an int32 input and returns its name. */
  String ints(String name, int[] data, long... shape) throws OrtException {
    declare(name, DataType.INT32, shape);
    values.put(name, OnnxTensor.createTensor(environment, IntBuffer.wrap(data), shape));
    return name;
  }

  /** Adds an int64 input and returns its name. */
  String longs(String name, long[] data, long... shape) throws OrtException {
    declare(name, DataType.INT64, shape);
    values.put(name, OnnxTensor.createTensor(environment, LongBuffer.wrap(data), shape));
    return name;
  }

  /** Adds a node of this domain, "" being ONNX's own. Attributes are Long, Float or long[]. */
  void node(
      String domain,
      String operator,
      List<String> inputs,
      List<String> outputs,
      Map<String, Object> attributes) {
    NodeProto.Builder node =
        NodeProto.newBuilder()
            .setOpType(operator)
            .setDomain(domain)
            .addAllInput(inputs)
            .addAllOutput(outputs);
    attributes.forEach((name, value) -> node.addAttribute(attribute(name, value)));
    graph.addNode(node);
  }

  /** Runs the model for these f32 outputs. */
  Map<String, float[]> run(String... outputs) throws OrtException {
    for (String output : outputs) {
      graph.addOutput(ValueInfoProto.newBuilder().setName(output).setType(type(DataType.FLOAT)));
    }
    ModelProto model =
        ModelProto.newBuilder()
            .setIrVersion(IR_VERSION)
            .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(opset))
            .addOpsetImport(
                OperatorSetIdProto.newBuilder().setDomain("com.microsoft").setVersion(1))
            .setGraph(graph)
            .build();
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      try (OrtSession session = environment.createSession(model.toByteArray(), options);
          OrtSession.Result result = session.run(values)) {
        Map<String, float[]> answers = new HashMap<>();
        for (String output : outputs) {
          FloatBuffer buffer = ((OnnxTensor) result.get(output).orElseThrow()).getFloatBuffer();
          float[] answer = new float[buffer.remaining()];
          buffer.get(answer);
          answers.put(output, answer);
        }
        return answers;
      }
    }
  }

  @Override
  public void close() throws OrtException {
    for (OnnxTensorLike value : values.values()) {
      value.close();
    }
  }

  private void declare(String name, DataType type, long[] shape) {
    TensorShapeProto.Builder dimensions = TensorShapeProto.newBuilder();
    for (long size : shape) {
      dimensions.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(size));
    }
    TypeProto.Tensor tensor =
        TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(dimensions).build();
    graph.addInput(
        ValueInfoProto.newBuilder()
            .setName(name)
            .setType(TypeProto.newBuilder().setTensorType(tensor)));
  }

  private static TypeProto type(DataType type) {
    return TypeProto.newBuilder()
        .setTensorType(TypeProto.Tensor.newBuilder().setElemType(type.getNumber()))
        .build();
  }

  private static AttributeProto attribute(String name, Object value) {
    AttributeProto.Builder attribute = AttributeProto.newBuilder().setName(name);
    switch (value) {
      case Long number -> attribute.setType(AttributeType.INT).setI(number);
      case Float number -> attribute.setType(AttributeType.FLOAT).setF(number);
      case long[] numbers -> {
        attribute.setType(AttributeType.INTS);
        for (long number : numbers) {
          attribute.addInts(number);
        }
      }
      default -> throw new IllegalArgumentException(name + " = " + value);
    }
    return attribute.build();
  }
}

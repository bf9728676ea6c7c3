// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxJavaType;
import com.google.protobuf.ByteString;
import dev.rapt.DType;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/** Builds an ONNX model of a few nodes in memory. */
final class OnnxGraph {
  /** The operator set of ai.onnx that brought Attention. */
  private static final int OPSET = 23;

  private static final int IR_VERSION = 10;

  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("rapt-peers");
  private final DType dtype;

  OnnxGraph(DType dtype) {
    this.dtype = dtype;
  }

  /** The storage type, as the Java binding names it. */
  static OnnxJavaType javaType(DType dtype) {
    return switch (dtype) {
      case F32 -> OnnxJavaType.FLOAT;
      case F16 -> OnnxJavaType.FLOAT16;
      case BF16 -> OnnxJavaType.BFLOAT16;
      default -> throw new UnsupportedOperationException("not asked of ONNX Runtime: " + dtype);
    };
  }

  OnnxGraph input(String name, long... shape) {
    graph.addInput(value(name, type(dtype), shape));
    return this;
  }

  OnnxGraph integers(String name, long... shape) {
    graph.addInput(value(name, DataType.INT32, shape));
    return this;
  }

  OnnxGraph output(String name, long... shape) {
    graph.addOutput(value(name, type(dtype), shape));
    return this;
  }

  /** A constant of the model, which the runtime may pack when the session opens. */
  OnnxGraph constant(String name, Tensor tensor) {
    TensorProto.Builder constant =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(type(tensor.dtype()).getNumber())
            .setRawData(ByteString.copyFrom(tensor.segment().asByteBuffer()));
    for (long size : tensor.shape()) {
      constant.addDims(size);
    }
    graph.addInitializer(constant);
    return this;
  }

  /** A node of ai.onnx or, with the domain com.microsoft, of ONNX Runtime's own operators. */
  OnnxGraph node(
      String domain,
      String operator,
      List<String> inputs,
      List<String> outputs,
      Map<String, Integer> attributes) {
    NodeProto.Builder node =
        NodeProto.newBuilder()
            .setDomain(domain)
            .setOpType(operator)
            .addAllInput(inputs)
            .addAllOutput(outputs);
    attributes.forEach(
        (name, number) ->
            node.addAttribute(
                AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(number)));
    graph.addNode(node);
    return this;
  }

  byte[] model() {
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("com.microsoft").setVersion(1))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  private static DataType type(DType dtype) {
    return switch (dtype) {
      case F32 -> DataType.FLOAT;
      case F16 -> DataType.FLOAT16;
      case BF16 -> DataType.BFLOAT16;
      default -> throw new UnsupportedOperationException("not asked of ONNX Runtime: " + dtype);
    };
  }

  private static ValueInfoProto value(String name, DataType type, long[] shape) {
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
                        .setElemType(type.getNumber())
                        .setShape(dimensions)))
        .build();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.CodedInputStream;
import dev.rapt.DType;
import dev.rapt.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/**
 * The initializers of an ONNX graph, by name. Projection matrices have no stable name (the exporter
 * numbers them), so {@link #projection} finds them through the graph: the matrix of the MatMul
 * whose result a named bias is added to.
 *
 * <p>Immutable, thread-safe. It keeps the parsed file on the heap: drop it once the weights are
 * copied.
 */
public final class OnnxWeights {
  private final Map<String, TensorProto> initializers = new HashMap<>();
  private final Map<String, String> projections = new HashMap<>();

  private OnnxWeights(GraphProto graph) {
    for (TensorProto initializer : graph.getInitializerList()) {
      initializers.put(initializer.getName(), initializer);
    }
    Map<String, String> matrixOfProduct = new HashMap<>();
    for (NodeProto node : graph.getNodeList()) {
      if (node.getOpType().equals("MatMul") && initializers.containsKey(node.getInput(1))) {
        matrixOfProduct.put(node.getOutput(0), node.getInput(1));
      }
    }
    for (NodeProto node : graph.getNodeList()) {
      if (node.getOpType().equals("Add")) {
        connect(matrixOfProduct, node.getInput(0), node.getInput(1));
        connect(matrixOfProduct, node.getInput(1), node.getInput(0));
      }
    }
  }

  private void connect(Map<String, String> matrixOfProduct, String bias, String product) {
    String matrix = matrixOfProduct.get(product);
    if (matrix != null && initializers.containsKey(bias)) {
      projections.put(bias, matrix);
    }
  }

  /**
   * Parses an ONNX model with its weights inside, to the end of the stream, which stays the
   * caller's to close.
   *
   * @throws IOException if the stream ends early or is no ONNX model
   */
  public static OnnxWeights read(InputStream in) throws IOException {
    CodedInputStream coded = CodedInputStream.newInstance(in, 1 << 16);
    // Protobuf's default limit of 64 MiB guards against hostile messages; a model is larger.
    coded.setSizeLimit(Integer.MAX_VALUE);
    return new OnnxWeights(ModelProto.parseFrom(coded).getGraph());
  }

  /** True if the graph has an initializer of this name. */
  public boolean contains(String name) {
    return initializers.containsKey(name);
  }

  /**
   * The shape of an initializer.
   *
   * @throws IllegalArgumentException if there is none of this name
   */
  public long[] shape(String name) {
    return find(name).getDimsList().stream().mapToLong(Long::longValue).toArray();
  }

  /**
   * A float initializer, copied into the arena, in the shape the file gives it.
   *
   * @throws IllegalArgumentException if there is none of this name, or it is not of floats
   */
  public Tensor tensor(Arena arena, String name) {
    TensorProto proto = find(name);
    Tensor tensor = Tensor.allocate(arena, DType.F32, shape(name));
    MemorySegment.copy(bytes(proto), 0, tensor.segment(), 0, tensor.segment().byteSize());
    return tensor;
  }

  /**
   * The matrix that belongs to a bias, copied into the arena as (in, out), as ONNX stores it, and
   * returned as a view (out, in).
   *
   * @throws IllegalArgumentException if no matrix product feeds the bias
   */
  public Tensor projection(Arena arena, String bias) {
    String matrix = projections.get(bias);
    if (matrix == null) {
      throw new IllegalArgumentException("no matrix product feeds the bias " + bias);
    }
    return tensor(arena, matrix).permute(1, 0);
  }

  private TensorProto find(String name) {
    TensorProto proto = initializers.get(name);
    if (proto == null) {
      throw new IllegalArgumentException("the model has no initializer " + name);
    }
    return proto;
  }

  private static MemorySegment bytes(TensorProto proto) {
    long elements = 1;
    for (long size : proto.getDimsList()) {
      elements *= size;
    }
    if (proto.getDataType() != TensorProto.DataType.FLOAT.getNumber()
        || proto.getRawData().size() != elements * Float.BYTES) {
      throw new IllegalArgumentException(proto.getName() + " is not a float tensor with raw data");
    }
    // ONNX raw data is little-endian; so is every machine Rapt has kernels for, and the copy below
    // relies on it.
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new IllegalStateException("ONNX weights are little-endian, this machine is not");
    }
    return MemorySegment.ofBuffer(proto.getRawData().asReadOnlyByteBuffer());
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A model run by ONNX Runtime's CPU provider on the caller's memory: inputs and outputs are direct
 * buffers, so nothing is copied around the operator.
 */
final class OnnxContender implements Contender {
  private final String detail;
  private final Tensor output;
  private final OrtSession session;
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final List<Map<String, OnnxTensor>> inputs = new ArrayList<>();
  private final List<Map<String, OnnxTensor>> outputs = new ArrayList<>();

  /**
   * Opens a session.
   *
   * @param output what {@link #output()} returns: a view of the tensor that is bound as an output
   */
  OnnxContender(String detail, OnnxGraph graph, Tensor output, int threads) throws OrtException {
    this.detail = detail;
    this.output = output;
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      session = environment.createSession(graph.model(), options);
    }
  }

  /** Begins what the next copy reads and writes. */
  OnnxContender copy() {
    inputs.add(new HashMap<>());
    outputs.add(new HashMap<>());
    return this;
  }

  /** Binds an input of the current copy to a tensor's memory, seen as {@code shape}. */
  OnnxContender in(String name, Tensor tensor, long... shape) throws OrtException {
    inputs.getLast().put(name, bound(tensor, shape));
    return this;
  }

  /** Binds an input of 32-bit integers. */
  OnnxContender in(String name, int[] numbers) throws OrtException {
    inputs.getLast().put(name, OnnxTensor.createTensor(environment, numbers));
    return this;
  }

  /** Binds an output of the current copy to a tensor's memory, seen as {@code shape}. */
  OnnxContender out(String name, Tensor tensor, long... shape) throws OrtException {
    outputs.getLast().put(name, bound(tensor, shape));
    return this;
  }

  @Override
  public String detail() {
    return detail;
  }

  @Override
  public void run(int copy) {
    try (OrtSession.Result result = session.run(inputs.get(copy), outputs.get(copy))) {
      if (result.size() != outputs.get(copy).size()) {
        throw new IllegalStateException(detail + " gave " + result.size() + " outputs");
      }
    } catch (OrtException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  @Override
  public Tensor output() {
    return output;
  }

  @Override
  public void close() {
    inputs.forEach(copy -> copy.values().forEach(OnnxTensor::close));
    outputs.forEach(copy -> copy.values().forEach(OnnxTensor::close));
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  private OnnxTensor bound(Tensor tensor, long... shape) throws OrtException {
    MemorySegment memory =
        tensor
            .segment()
            .asSlice(
                tensor.offset() * tensor.dtype().bytes(),
                tensor.elements() * tensor.dtype().bytes());
    return OnnxTensor.createTensor(
        environment,
        memory.asByteBuffer().order(ByteOrder.nativeOrder()),
        shape,
        OnnxGraph.javaType(tensor.dtype()));
  }
}

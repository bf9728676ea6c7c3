// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.CodedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The same model.onnx run by ONNX Runtime, changed only so that it also returns its attention
 * weights.
 */
final class OnnxOracle implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final String hiddenName;
  private final List<String> weightNames = new ArrayList<>();

  OnnxOracle() throws IOException, OrtException {
    ModelProto.Builder model;
    try (InputStream in = OnnxOracle.class.getResourceAsStream("/all-minilm-l6-v2.onnx")) {
      CodedInputStream coded = CodedInputStream.newInstance(in);
      coded.setSizeLimit(Integer.MAX_VALUE);
      model = ModelProto.parseFrom(coded).toBuilder();
    }
    hiddenName = model.getGraph().getOutput(0).getName();
    for (NodeProto node : model.getGraph().getNodeList()) {
      if (node.getOpType().equals("Softmax")) {
        weightNames.add(node.getOutput(0));
        model.getGraphBuilder().addOutput(ValueInfoProto.newBuilder().setName(node.getOutput(0)));
      }
    }
    session = environment.createSession(model.build().toByteArray());
  }

  /**
   * The embedding as sentence-transformers computes it: mean over all tokens, Euclidean length 1.
   */
  double[] embed(int[] ids) throws OrtException {
    float[][] hidden;
    try (Run run = new Run(ids)) {
      hidden = ((float[][][]) run.value(hiddenName))[0];
    }
    double[] mean = new double[hidden[0].length];
    for (float[] token : hidden) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += (double) token[i] / hidden.length;
      }
    }
    double norm = 0;
    for (double value : mean) {
      norm += value * value;
    }
    for (int i = 0; i < mean.length; i++) {
      mean[i] /= Math.sqrt(norm);
    }
    return mean;
  }

  /** Attention weights [layer][head][query][key]. */
  float[][][][] weights(int[] ids) throws OrtException {
    try (Run run = new Run(ids)) {
      float[][][][] weights = new float[weightNames.size()][][][];
      for (int layer = 0; layer < weights.length; layer++) {
        weights[layer] = ((float[][][][]) run.value(weightNames.get(layer)))[0];
      }
      return weights;
    }
  }

  private final class Run implements AutoCloseable {
    private final OnnxTensor ids;
    private final OnnxTensor mask;
    private final OnnxTensor types;
    private final OrtSession.Result result;

    Run(int[] tokens) throws OrtException {
      long[][] row = new long[1][tokens.length];
      long[][] ones = new long[1][tokens.length];
      for (int i = 0; i < tokens.length; i++) {
        row[0][i] = tokens[i];
        ones[0][i] = 1;
      }
      ids = OnnxTensor.createTensor(environment, row);
      mask = OnnxTensor.createTensor(environment, ones);
      types = OnnxTensor.createTensor(environment, new long[1][tokens.length]);
      result =
          session.run(Map.of("input_ids", ids, "attention_mask", mask, "token_type_ids", types));
    }

    Object value(String name) throws OrtException {
      return result.get(name).orElseThrow().getValue();
    }

    @Override
    public void close() {
      result.close();
      types.close();
      mask.close();
      ids.close();
    }
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}

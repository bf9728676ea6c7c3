// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import com.fasterxml.jackson.core.Base64Variants;
import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.rapt.cli.files.ReplacedFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;

/**
 * Writes {@code {"tokens": [...], "weights": ...}}, value by value. The weights are nested arrays
 * [layer][head][query][key] of numbers; for a long text, whose numbers would take some 60 MB, they
 * are packed as {@link PackedWeights} does, in {@code {"dtype": "uint16", "scale": 65535, "shape":
 * [...], "base64": "..."}}.
 */
public final class WeightsJson {
  /** Up to this many tokens the numbers take less than 4 MB. */
  static final int MAX_READABLE = 64;

  private WeightsJson() {}

  /** Replaces the file by the tokens and weights of one text. */
  public static void write(Path file, List<String> tokens, float[][][][] weights)
      throws IOException {
    ReplacedFile.write(file, out -> write(out, tokens, weights));
  }

  private static void write(OutputStream out, List<String> tokens, float[][][][] weights)
      throws IOException {
    try (JsonGenerator json = new JsonFactory().createGenerator(out, JsonEncoding.UTF8)) {
      json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
      json.writeStartObject();
      json.writeArrayFieldStart("tokens");
      for (String token : tokens) {
        json.writeString(token);
      }
      json.writeEndArray();
      json.writeFieldName("weights");
      if (tokens.size() <= MAX_READABLE) {
        writeNumbers(json, weights);
      } else {
        writePacked(json, weights);
      }
      json.writeEndObject();
      json.writeRaw('\n');
    }
  }

  private static void writeNumbers(JsonGenerator json, float[][][][] weights) throws IOException {
    json.writeStartArray();
    for (float[][][] layer : weights) {
      json.writeStartArray();
      for (float[][] head : layer) {
        writeHead(json, head);
      }
      json.writeEndArray();
    }
    json.writeEndArray();
  }

  private static void writeHead(JsonGenerator json, float[][] head) throws IOException {
    json.writeStartArray();
    for (float[] query : head) {
      json.writeStartArray();
      for (float weight : query) {
        json.writeNumber(weight);
      }
      json.writeEndArray();
    }
    json.writeEndArray();
  }

  private static void writePacked(JsonGenerator json, float[][][][] weights) throws IOException {
    json.writeStartObject();
    json.writeStringField("dtype", "uint16");
    json.writeNumberField("scale", PackedWeights.SCALE);
    json.writeArrayFieldStart("shape");
    for (int size : PackedWeights.shape(weights)) {
      json.writeNumber(size);
    }
    json.writeEndArray();
    json.writeFieldName("base64");
    try (PackedWeights packed = new PackedWeights(weights)) {
      json.writeBinary(Base64Variants.MIME_NO_LINEFEEDS, packed, packed.available());
    }
    json.writeEndObject();
  }
}

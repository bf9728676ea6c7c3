// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes {@code {"tokens": [...], "weights": [layer][head][query][key]}}, value by value. */
public final class WeightsJson {
  private WeightsJson() {}

  /** Replaces the file by the tokens and weights of one text. */
  public static void write(Path file, List<String> tokens, float[][][][] weights)
      throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file));
        JsonGenerator json = new JsonFactory().createGenerator(out, JsonEncoding.UTF8)) {
      json.writeStartObject();
      json.writeArrayFieldStart("tokens");
      for (String token : tokens) {
        json.writeString(token);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("weights");
      for (float[][][] layer : weights) {
        json.writeStartArray();
        for (float[][] head : layer) {
          writeHead(json, head);
        }
        json.writeEndArray();
      }
      json.writeEndArray();
      json.writeEndObject();
      json.writeRaw('\n');
    }
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
}

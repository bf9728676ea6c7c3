// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.embed;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.MinimalPrettyPrinter;
import java.io.IOException;
import java.io.Writer;

/** Writes {@code {"line": 1, "text": "...", "embedding": [...]}}, one object per line. */
public final class EmbeddingWriter {
  private final JsonGenerator json;

  /** Writes to the writer, which stays open. */
  public EmbeddingWriter(Writer writer) throws IOException {
    json = new JsonFactory().createGenerator(writer);
    json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
    // No separator between objects: each ends its own line.
    json.setPrettyPrinter(new MinimalPrettyPrinter(""));
  }

  /** Writes one object. */
  public void write(long line, String text, float[] embedding) throws IOException {
    json.writeStartObject();
    json.writeNumberField("line", line);
    json.writeStringField("text", text);
    json.writeArrayFieldStart("embedding");
    for (float value : embedding) {
      json.writeNumber(value);
    }
    json.writeEndArray();
    json.writeEndObject();
    json.writeRaw('\n');
  }

  /** Passes on everything written so far. */
  public void flush() throws IOException {
    json.flush();
  }
}

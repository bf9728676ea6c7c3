// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Writes a byte-level vocabulary as the tokenizer.json that the HuggingFace library reads. */
final class TokenizerJson {
  private TokenizerJson() {}

  static byte[] of(Map<String, Integer> tokens, List<String> merges, Pretokenizer pretokenizer)
      throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes, JsonEncoding.UTF8)) {
      json.writeStartObject();
      json.writeStringField("version", "1.0");
      json.writeArrayFieldStart("added_tokens");
      json.writeEndArray();
      writeCuts(json, pretokenizer);
      writeModel(json, tokens, merges, pretokenizer.takesWholeWords());
      json.writeEndObject();
    }
    return bytes.toByteArray();
  }

  private static void writeCuts(JsonGenerator json, Pretokenizer pretokenizer) throws IOException {
    json.writeObjectFieldStart("pre_tokenizer");
    json.writeStringField("type", "Sequence");
    json.writeArrayFieldStart("pretokenizers");
    for (String pattern : pretokenizer.patterns()) {
      json.writeStartObject();
      json.writeStringField("type", "Split");
      json.writeObjectFieldStart("pattern");
      json.writeStringField("Regex", pattern);
      json.writeEndObject();
      json.writeStringField("behavior", "Isolated");
      json.writeBooleanField("invert", false);
      json.writeEndObject();
    }
    json.writeStartObject();
    json.writeStringField("type", "ByteLevel");
    json.writeBooleanField("add_prefix_space", false);
    json.writeBooleanField("trim_offsets", false);
    json.writeBooleanField("use_regex", false);
    json.writeEndObject();
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void writeModel(
      JsonGenerator json, Map<String, Integer> tokens, List<String> merges, boolean wholeWords)
      throws IOException {
    json.writeObjectFieldStart("model");
    json.writeStringField("type", "BPE");
    json.writeBooleanField("ignore_merges", wholeWords);
    json.writeObjectFieldStart("vocab");
    for (Map.Entry<String, Integer> token : tokens.entrySet()) {
      json.writeNumberField(token.getKey(), token.getValue());
    }
    json.writeEndObject();
    json.writeArrayFieldStart("merges");
    for (String merge : merges) {
      json.writeString(merge);
    }
    json.writeEndArray();
    json.writeEndObject();
  }
}

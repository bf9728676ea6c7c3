// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.rapt.Plan;
import dev.rapt.cli.terminal.PrintableOutput;
import dev.rapt.models.llama.Generated;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/**
 * Writes {@code {"prompt": "...", "text": "...", "prompt_tokens": [...], "tokens": [...], "end":
 * "length", "prompt_seconds": 0.01, "seconds": 0.5, "prompt_plans": [...], "plans": [...]}} on a
 * line.
 */
final class GenerationJson {
  private GenerationJson() {}

  static void print(PrintableOutput out, String prompt, String text, Generated generated)
      throws IOException {
    try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
      json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
      json.writeStartObject();
      json.writeStringField("prompt", prompt);
      json.writeStringField("text", text);
      tokens(json, "prompt_tokens", generated.prompt());
      tokens(json, "tokens", generated.tokens());
      json.writeStringField("end", generated.end().name().toLowerCase(Locale.ROOT));
      json.writeNumberField("prompt_seconds", generated.promptNanos() / 1e9);
      json.writeNumberField("seconds", generated.writingNanos() / 1e9);
      plans(json, "prompt_plans", generated.promptPlans());
      plans(json, "plans", generated.writingPlans());
      json.writeEndObject();
      json.writeRaw('\n');
    }
  }

  private static void tokens(JsonGenerator json, String name, List<Integer> tokens)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (int token : tokens) {
      json.writeNumber(token);
    }
    json.writeEndArray();
  }

  private static void plans(JsonGenerator json, String name, List<Plan> plans) throws IOException {
    json.writeArrayFieldStart(name);
    for (Plan plan : plans) {
      json.writeString(plan.name());
    }
    json.writeEndArray();
  }
}

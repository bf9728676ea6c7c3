// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.generate;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.rapt.Plan;
import dev.rapt.models.llama.BatchStatistics;
import dev.rapt.models.llama.Generated;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** Writes texts as JSON, one object per line. */
public final class GenerationJson {
  private GenerationJson() {}

  /**
   * Writes {@code {"prompt": "...", "text": "...", "prompt_tokens": [...], "tokens": [...], "end":
   * "length", "prompt_seconds": 0.01, "seconds": 0.5, "prompt_plans": [...], "plans": [...]}}.
   */
  public static void write(
      PrintWriter out, String prompt, Generated text, BatchStatistics statistics) {
    try (JsonGenerator json = begin(out)) {
      text(json, prompt, text);
      json.writeNumberField("prompt_seconds", statistics.prompts().nanos() / 1e9);
      json.writeNumberField("seconds", statistics.writing().nanos() / 1e9);
      plans(json, "prompt_plans", statistics.prompts().plans());
      plans(json, "plans", statistics.writing().plans());
      end(json);
    } catch (IOException impossible) {
      throw new AssertionError(impossible); // a PrintWriter keeps its failures to itself
    }
  }

  /**
   * Writes one of several texts: {@code {"number": 3, "seed": 1, "prompt": "...", "text": "...",
   * "prompt_tokens": [...], "tokens": [...], "end": "length"}}.
   */
  public static void write(PrintWriter out, long number, String prompt, Generated text) {
    try (JsonGenerator json = begin(out)) {
      json.writeNumberField("number", number);
      json.writeNumberField("seed", text.seed());
      text(json, prompt, text);
      end(json);
    } catch (IOException impossible) {
      throw new AssertionError(impossible); // as above
    }
  }

  private static JsonGenerator begin(PrintWriter out) throws IOException {
    JsonGenerator json = new JsonFactory().createGenerator(out);
    json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
    json.writeStartObject();
    return json;
  }

  private static void end(JsonGenerator json) throws IOException {
    json.writeEndObject();
    json.writeRaw('\n');
  }

  private static void text(JsonGenerator json, String prompt, Generated text) throws IOException {
    json.writeStringField("prompt", prompt);
    json.writeStringField("text", text.text());
    tokens(json, "prompt_tokens", text.promptTokens());
    tokens(json, "tokens", text.tokens());
    json.writeStringField("end", text.end().name().toLowerCase(Locale.ROOT));
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

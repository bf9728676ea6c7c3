// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import dev.rapt.models.gguf.GgufException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * How a byte-level tokenizer cuts text into words before it looks for pieces of them: each pattern
 * cuts what the ones before it left. A GGUF file names one of these; the patterns are those of the
 * models that the names come from.
 */
enum Pretokenizer {
  LLAMA_3(
      true,
      Set.of("llama-bpe", "llama3", "llama-v3"),
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
  QWEN_2(
      false,
      Set.of("qwen2"),
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
  SMOLLM(
      false,
      Set.of("smollm"),
      "\\p{N}",
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"),
  GPT_2(
      false,
      Set.of("gpt-2", "phi-2", "mpt", "olmo"),
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"),
  DEFAULT(
      false,
      Set.of("default"),
      "[\\p{P}\\$\\+<=>\\^~\\|]+",
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)",
      "\\p{N}+",
      "[0-9][0-9][0-9]");

  static final String KEY = "tokenizer.ggml.pre";

  private final boolean llama3;
  private final Set<String> names;
  private final List<String> patterns;

  Pretokenizer(boolean llama3, Set<String> names, String... patterns) {
    this.llama3 = llama3;
    this.names = names;
    this.patterns = List.of(patterns);
  }

  static Pretokenizer of(String name) throws GgufException {
    Set<String> allowed = new TreeSet<>();
    for (Pretokenizer pretokenizer : values()) {
      if (pretokenizer.names.contains(name)) {
        return pretokenizer;
      }
      allowed.addAll(pretokenizer.names);
    }
    throw new GgufException(
        KEY
            + " is "
            + GgufException.quoted(name)
            + ", which is not supported; allowed: "
            + String.join(", ", allowed));
  }

  List<String> patterns() {
    return patterns;
  }

  /** Whether a word that is a token is taken whole, whatever the merges say. */
  boolean takesWholeWords() {
    return llama3;
  }

  /** Whether a text begins with the beginning-of-text token where the file does not say. */
  boolean beginsByDefault() {
    return llama3;
  }
}

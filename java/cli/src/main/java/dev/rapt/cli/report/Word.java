// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

/**
 * A word of the text: one token or several.
 *
 * @param text the word as the model reads it (lower case, no accents), made printable
 * @param first index of its first token
 * @param end index behind its last token
 * @param kind what it is good for in an explanation
 */
public record Word(String text, int first, int end, Kind kind) {
  /** What a word is good for in an explanation. */
  public enum Kind {
    /** [CLS] and [SEP]: heads with nothing to say park their weight there. */
    SPECIAL,
    /** No letter and no digit in it. */
    PUNCTUATION,
    /**
     * Articles, prepositions, auxiliaries, conjunctions: they bind the sentence together but name
     * nothing.
     */
    FUNCTION,
    /** Stands for something named elsewhere. */
    PRONOUN,
    /** Everything else. */
    CONTENT
  }

  /** True for what a reader calls a word. */
  public boolean isReadable() {
    return kind != Kind.SPECIAL && kind != Kind.PUNCTUATION;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import java.util.ArrayList;
import java.util.List;

/** Texts that differ in length, script and oddity. */
final class Sentences {
  private Sentences() {}

  static List<String> varied() {
    List<String> texts =
        new ArrayList<>(
            List.of(
                "The cat sat on the mat because it was tired.",
                "Hello",
                "a",
                "?",
                "...",
                "!!!???!!!",
                "42",
                "3.14159265358979323846",
                "No.",
                "To be, or not to be, that is the question.",
                "The quick brown fox jumps over the lazy dog",
                "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
                "   leading and trailing spaces   ",
                "tabs\tand\nnew lines\r\ninside",
                "Antidisestablishmentarianism and pneumonoultramicroscopicsilicovolcanoconiosis",
                "naïve café résumé coöperate",
                "Zażółć gęślą jaźń",
                "Der Fuß der Straße führt über Österreich nach Zürich.",
                "Le cœur a ses raisons que la raison ne connaît point.",
                "El niño comió piñas en la montaña.",
                "Съешь же ещё этих мягких французских булок",
                "Η γρήγορη καφέ αλεπού",
                "東京は日本の首都です。",
                "北京是中国的首都",
                "한국어 문장입니다",
                "สวัสดีชาวโลก",
                "مرحبا بالعالم",
                "שלום עולם",
                "नमस्ते दुनिया",
                "emoji 😀 in 🚀 between 👩‍👩‍👧‍👦 words",
                "💥",
                "zero\u200bwidth and non\u00a0breaking and soft\u00adhyphen",
                "combining e\u0301 and precomposed \u00e9",
                "control \u0007 characters \u0000 are dropped",
                "unpaired surrogates are not text, U+1D54F \ud835\udd4f is",
                "don't can't won't it's they're we've I'd",
                "\"quoted\" 'single' “curly” «guillemets»",
                "e-mail: someone@example.org, see https://example.org/a?b=c&d=e#f",
                "for (int i = 0; i < n; i++) { sum += a[i] * b[i]; }",
                "SELECT name FROM users WHERE id = 7;",
                "<html><body>markup &amp; entities</body></html>",
                "{\"json\": [1, 2, {\"three\": null}]}",
                "E = mc²; ∑ x_i ≤ ∞; α + β ≠ γ",
                "1,000,000 dollars at 5% interest is $50,000.",
                "[CLS] special [SEP] tokens [MASK] in the text [PAD] [UNK]",
                "##pieces ##of ##words",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "buffalo buffalo buffalo buffalo buffalo buffalo buffalo buffalo",
                "The stock market fell sharply on Monday after weak employment figures.",
                "Photosynthesis converts light energy into chemical energy.",
                "She sells sea shells by the sea shore, and the shells she sells are surely"
                    + " seashells.",
                "If the trophy does not fit into the suitcase, it is because it is too large.",
                "Attention is a weighted mean; the weights are a softmax of scaled dot products.",
                "Is this a question? Yes! And an answer; with pauses, dashes - and more: colons."));
    texts.add("a sentence of middling length that goes on for a while, ".repeat(5));
    texts.add("one hundred words or so of the same kind of thing ".repeat(10));
    texts.add("word ".repeat(253));
    texts.add("word ".repeat(254));
    texts.add("word ".repeat(255));
    texts.add("a very long text that has to be cut ".repeat(100));
    return texts;
  }
}

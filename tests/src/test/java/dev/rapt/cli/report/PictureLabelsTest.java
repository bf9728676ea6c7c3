// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What a picture shows for a token, with a font of Latin and Hebrew letters only. */
class PictureLabelsTest {
  private final PictureLabels labels =
      new PictureLabels(c -> c < 0x250 || c >= 0x5d0 && c < 0x600 || c == 0x301);

  @Test
  void lettersWithAFontStay() {
    for (String token : List.of("cat", "[CLS]", "##ing", "שלום", "e\u0301", "a\u200db", "")) {
      assertEquals(token, labels.fit(token));
    }
    assertEquals(Set.of(), labels.missing());
  }

  @Test
  void lettersWithoutOneAreCodesAndNamed() {
    assertEquals("\\u6771\\u4eac", labels.fit("東京"));
    assertEquals("\\u0e01x", labels.fit("กx"));
    assertEquals("\\ud83d\\ude00", labels.fit("😀"));
    assertEquals("\\ud801\\ude00", labels.fit("\ud801\ude00"));
    assertEquals(
        List.of(
            "Han; install Noto Sans CJK (Debian: fonts-noto-cjk)",
            "Thai; install Noto Sans Thai (Debian: fonts-noto-core)",
            "emoji; install Symbola (Debian: fonts-symbola)",
            "Linear A; install Noto Sans Linear A (Debian: fonts-noto-core)"),
        List.copyOf(labels.missing()));
  }

  @Test
  void longLabelsEndInAnEllipsis() {
    assertEquals("abcdefghijklmnop", labels.fit("abcdefghijklmnop"));
    assertEquals("abcdefghijklmno…", labels.fit("abcdefghijklmnopq"));
    assertEquals("\\u6771\\u4eac…", labels.fit("東京東京東京"));
    String accents = "e\u0301".repeat(20);
    assertEquals(accents.substring(0, 30) + "…", labels.fit(accents));
    String family = labels.fit("\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67");
    assertTrue(family.startsWith("\\ud83d\\udc69"), family);
  }
}

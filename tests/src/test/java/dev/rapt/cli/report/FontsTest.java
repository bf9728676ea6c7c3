// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The fallback font, in a JVM of its own that is told to look nowhere else. */
class FontsTest {
  /** Prints how wide a text is in the logical font, and in the font that we bring along. */
  public static final class Probe {
    private Probe() {}

    public static void main(String[] args) throws Exception {
      System.out.println(width(new Font(Font.SANS_SERIF, Font.PLAIN, 1)));
      try (InputStream ours = Fonts.class.getResourceAsStream(Fonts.FONT)) {
        System.out.println(width(Font.createFont(Font.TRUETYPE_FONT, ours)));
      }
    }

    private static double width(Font font) {
      FontRenderContext context = new FontRenderContext(null, true, true);
      return font.deriveFont(100f).getStringBounds("The cat [SEP] 0.71", context).getWidth();
    }
  }

  @Test
  @Timeout(600)
  void fallbackIsTheFontThatIsUsed() throws Exception {
    Path configuration = Fonts.writeFallback();
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.awt.headless=true",
                "-D" + Fonts.CONFIGURATION_PROPERTY + "=" + configuration,
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Probe.class.getName())
            .redirectErrorStream(true)
            .start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    List<String> widths = printed.lines().toList();
    assertEquals(0, process.waitFor(), printed);
    assertEquals(2, widths.size(), printed);
    assertEquals(widths.get(1), widths.get(0));
  }
}

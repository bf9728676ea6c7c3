// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.io.InputStream;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The fallback font, in a JVM of its own that is told to look nowhere else. */
class FontsTest {
  @TempDir private Path temporary;

  /** Prints how wide a text is in the logical font, and in the font that we bring along. */
  public static final class Probe {
    private Probe() {}

    /** The argument is the temporary folder, encoded as in a URL. */
    public static void main(String[] args) throws Exception {
      Path folder = Path.of(URLDecoder.decode(args[0], StandardCharsets.UTF_8));
      Files.createDirectories(folder);
      System.setProperty(Fonts.CONFIGURATION_PROPERTY, Fonts.writeFallback(folder).toString());
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

  /** A name is more than plain letters. */
  @ParameterizedTest
  @ValueSource(strings = {"plain", "été 東京", "a=b:#c!", "back\\slash"})
  @Timeout(600)
  void fallbackIsTheFontThatIsUsed(String folder) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.awt.headless=true",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Probe.class.getName(),
                URLEncoder.encode(temporary + "/" + folder, StandardCharsets.UTF_8))
            .redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C.UTF-8");
    Process process = builder.start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    List<String> widths = printed.lines().toList();
    assertEquals(0, process.waitFor(), printed);
    assertEquals(2, widths.size(), printed);
    assertEquals(widths.get(1), widths.get(0));
  }
}

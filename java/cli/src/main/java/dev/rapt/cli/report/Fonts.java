// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;

/**
 * Lets text be drawn on machines without fonts, as slim containers are, with one that we bring
 * along.
 */
public final class Fonts {
  static final String FONT = "/org/apache/pdfbox/resources/ttf/LiberationSans-Regular.ttf";

  /** Read by the JDK where it looks for fonts, so it can still be set after a first failure. */
  static final String CONFIGURATION_PROPERTY = "sun.awt.fontconfig";

  private Fonts() {}

  /**
   * Call before any text is drawn. Does nothing where the system has fonts: they cover more scripts
   * than ours.
   *
   * @throws IOException if the fallback cannot be written to the temporary folder
   */
  public static synchronized void ensure() throws IOException {
    if (!systemHasFonts()) {
      System.setProperty(
          CONFIGURATION_PROPERTY,
          writeFallback(Path.of(System.getProperty("java.io.tmpdir"))).toString());
    }
  }

  private static boolean systemHasFonts() {
    try {
      new Font(Font.SANS_SERIF, Font.PLAIN, 12)
          .createGlyphVector(new FontRenderContext(null, true, true), "a");
      return true;
    } catch (RuntimeException | Error e) {
      // Without fontconfig or without fonts the JDK throws one or the other, from deep inside.
      return false;
    }
  }

  /**
   * The configuration file names the font by path, so both lie in a folder that ends with the JVM.
   */
  static Path writeFallback(Path temporary) throws IOException {
    Path folder = Files.createTempDirectory(temporary, "rapt-font");
    Path font = folder.resolve("font.ttf");
    Path configuration = folder.resolve("fontconfig.properties");
    try (InputStream in = Fonts.class.getResourceAsStream(FONT)) {
      if (in == null) {
        throw new IOException("the application's jars lack " + FONT);
      }
      Files.copy(in, font);
    }
    try (OutputStream out = Files.newOutputStream(configuration)) {
      configuration(font).store(out, null);
    }
    // Deleted in reverse order.
    folder.toFile().deleteOnExit();
    font.toFile().deleteOnExit();
    configuration.toFile().deleteOnExit();
    return configuration;
  }

  /** Stored as properties, which escape what a folder's name may have in it. */
  private static Properties configuration(Path font) {
    Properties configuration = new Properties();
    configuration.setProperty("version", "1");
    configuration.setProperty("sequence.allfonts", "latin-1");
    for (String family : List.of("serif", "sansserif", "monospaced", "dialog", "dialoginput")) {
      for (String style : List.of("plain", "bold", "italic", "bolditalic")) {
        configuration.setProperty(family + "." + style + ".latin-1", "Liberation Sans");
      }
    }
    configuration.setProperty("filename.Liberation_Sans", font.toString());
    return configuration;
  }
}

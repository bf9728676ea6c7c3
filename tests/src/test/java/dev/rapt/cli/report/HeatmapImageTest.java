// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The direction in which a picture shows its labels. */
class HeatmapImageTest {
  private static final String LEFT_TO_RIGHT = "\u202d";
  private static final String END = "\u202c";

  @TempDir private Path folder;

  /** The ink of the upper row's label, [y][x], from where it begins. */
  private int[][] label(String text) throws IOException {
    Path file = folder.resolve("heatmap.png");
    HeatmapImage.write(file, "title", List.of(text, "b"), new float[][] {{0, 0}, {0, 0}});
    BufferedImage image = ImageIO.read(file.toFile());
    int top = image.getHeight() / 5;
    int bottom = image.getHeight() * 3 / 10;
    int right = 0;
    // The plot's border is the first dark column.
    while (isLight(image, right, top, bottom)) {
      right++;
    }
    right -= 8; // the tick
    int[][] ink = new int[bottom - top][right];
    for (int x = 0; x < right; x++) {
      for (int y = top; y < bottom; y++) {
        ink[y - top][x] = 255 - (image.getRGB(x, y) & 0xff);
      }
    }
    return ink;
  }

  private static boolean isLight(BufferedImage image, int x, int top, int bottom) {
    for (int y = top; y < bottom; y++) {
      if ((image.getRGB(x, y) & 0xff) > 250) {
        return true;
      }
    }
    return false;
  }

  private static long difference(int[][] a, int[][] b) {
    long best = Long.MAX_VALUE;
    // The same letters may stand a pixel further on.
    for (int dy = -2; dy <= 2; dy++) {
      for (int dx = -2; dx <= 2; dx++) {
        best = Math.min(best, difference(a, b, dx, dy));
      }
    }
    return best;
  }

  private static long difference(int[][] a, int[][] b, int dx, int dy) {
    long sum = 0;
    for (int y = 2; y < a.length - 2; y++) {
      for (int x = 2; x < Math.min(a[y].length, b[y].length) - 2; x++) {
        sum += Math.abs(a[y][x] - b[y + dy][x + dx]);
      }
    }
    return sum;
  }

  @Test
  void rightToLeftLettersRunToTheLeft() throws IOException {
    Fonts.ensure();
    Assumptions.assumeTrue(
        new Font(Font.SANS_SERIF, Font.PLAIN, 12).canDisplay('א'), "no font has Hebrew");
    int[][] word = label("אבג");
    long turned = difference(word, label(LEFT_TO_RIGHT + "גבא" + END));
    long mirrored = difference(word, label(LEFT_TO_RIGHT + "אבג" + END));
    assertTrue(turned * 3 < mirrored, turned + " and " + mirrored);
  }
}

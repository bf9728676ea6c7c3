// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import dev.rapt.cli.files.ReplacedFile;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.imageio.ImageIO;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.HeatMapStyler;

/** Draws one head's weights: a row per query token from top to bottom, a column per key token. */
public final class HeatmapImage {
  // Light enough at the dark end that the black numbers stay readable.
  private static final Color[] COLOURS = {
    Color.WHITE, new Color(0xFEE8C8), new Color(0xFDBB84), new Color(0xFC8D59), new Color(0xE34A33)
  };

  /** Up to this many tokens each cell also shows its number. */
  private static final int MAX_NUMBERED = 32;

  private static final int MAX_PIXELS = 4000;

  private HeatmapImage() {}

  /**
   * Replaces the file by a PNG.
   *
   * @param tokens one label per row and column
   * @param weights [query][key], 0 to 1
   * @return the scripts among the tokens that no font here has, each with what to install
   * @throws IOException if the file cannot be written
   */
  public static Set<String> write(Path file, String title, List<String> tokens, float[][] weights)
      throws IOException {
    Fonts.ensure();
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    PictureLabels fitting = new PictureLabels(font::canDisplay);
    List<String> labels = tokens.stream().map(fitting::fit).toList();
    // The picture goes straight to its file, so a full temporary folder is no matter.
    ImageIO.setUseCache(false);
    ReplacedFile.write(
        file, out -> ChartEncoder.saveChart(chart(title, labels, weights), out, "png"));
    return fitting.missing();
  }

  private static HeatMapChart chart(String title, List<String> tokens, float[][] weights) {
    int count = tokens.size();
    boolean numbered = count <= MAX_NUMBERED;
    int cell = numbered ? 52 : Math.max(12, Math.min(20, MAX_PIXELS / count));
    int labelSize = numbered ? 15 : Math.max(8, cell - 4);
    int labelSpace = labelSize * 2 / 3 * tokens.stream().mapToInt(String::length).max().orElse(0);
    int side = Math.max(560, cell * count + labelSpace);
    HeatMapChart chart =
        new HeatMapChartBuilder()
            .width(side + 180)
            .height(side + 120)
            .title(title)
            .xAxisTitle("is looked at (key)")
            .yAxisTitle("looks (query)")
            .build();
    style(chart.getStyler(), numbered, labelSize);
    chart.getStyler().setMin(0).setMax(ceiling(weights));
    chart.addSeries("attention weight", tokens, tokens.reversed(), cells(weights));
    return chart;
  }

  private static void style(HeatMapStyler styler, boolean numbered, int labelSize) {
    Font labels = new Font(Font.SANS_SERIF, Font.PLAIN, labelSize);
    styler.setRangeColors(COLOURS);
    styler.setShowValue(numbered);
    styler.setValueFont(labels.deriveFont(12f));
    styler.setHeatMapValueDecimalPattern("0.00");
    styler.setHeatMapDecimalValueFormatter(value -> String.format(Locale.ROOT, "%.1f", value));
    styler.setXAxisLabelRotation(90);
    styler.setAxisTickLabelsFont(labels);
    styler.setPlotContentSize(1.0);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setXAxisLabelAlignmentVertical(AxesChartStyler.TextAlignment.Right);
    styler.setYAxisLabelAlignment(AxesChartStyler.TextAlignment.Right);
    // The default would drop labels that stand close; XChart uses the x axis' setting for both.
    styler.setXAxisTickMarkSpacingHint(1);
    styler.setChartTitleFont(labels.deriveFont(Font.BOLD, 18f));
    styler.setAxisTitleFont(labels.deriveFont(Font.BOLD, 14f));
  }

  /** The largest weight, rounded up to a tenth: what the darkest colour stands for. */
  private static double ceiling(float[][] weights) {
    float max = 0;
    for (float[] row : weights) {
      for (float weight : row) {
        max = Math.max(max, weight);
      }
    }
    return Math.clamp(Math.ceil(max * 10) / 10, 0.1, 1.0);
  }

  /** XChart wants (column, row, value), rows from the bottom. */
  private static List<Number[]> cells(float[][] weights) {
    List<Number[]> cells = new ArrayList<>();
    int count = weights.length;
    for (int query = 0; query < count; query++) {
      for (int key = 0; key < count; key++) {
        cells.add(new Number[] {key, count - 1 - query, weights[query][key]});
      }
    }
    return cells;
  }
}

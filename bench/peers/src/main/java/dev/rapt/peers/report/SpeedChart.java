// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import dev.rapt.cli.report.Fonts;
import dev.rapt.peers.contest.Session;
import java.awt.Color;
import java.awt.Font;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.HorizontalBarChart;
import org.knowm.xchart.HorizontalBarChartBuilder;
import org.knowm.xchart.HorizontalBarSeries;
import org.knowm.xchart.style.HorizontalBarStyler;
import org.knowm.xchart.style.Styler;

/**
 * A group of bars for each shape, one per contender: its share of what the machine's ceilings
 * allow. A peer's bar is Rapt's divided by the ratio of their times, so that bars of one group
 * compare as the ratios do.
 */
public final class SpeedChart {
  /** Rapt first and strongest; the peers in the order of {@link #PEERS}. */
  private static final Color RAPT_COLOUR = new Color(0xB2182B);

  /** Who is drawn; plain Java would be a line. */
  private static final Map<String, Color> PEERS = new LinkedHashMap<>();

  static {
    PEERS.put("libtorch + MKL", new Color(0x2166AC));
    PEERS.put("libtorch + OpenBLAS", new Color(0x67A9CF));
    PEERS.put("ORT Attention", new Color(0x1B7837));
    PEERS.put("ORT MultiHeadAttention", new Color(0x7FBF7B));
    PEERS.put("ORT GroupQueryAttention", new Color(0xC2A5CF));
  }

  /** Shapes whose calls are so short that the share says nothing. */
  private static final double LEAST_SHARE = 0.05;

  private static final int WIDTH = 1000;
  private static final int BAR_HEIGHT = 11;
  private static final int FRAME_HEIGHT = 130;

  private SpeedChart() {}

  /**
   * Writes a PNG for each storage type and number of threads, replacing what is there.
   *
   * @param name what the files' names begin with
   * @return the files
   */
  public static List<Path> write(Path folder, String name, Results results) throws IOException {
    Fonts.ensure();
    List<Path> files = new ArrayList<>();
    for (Map.Entry<Results.Group, List<CaseResult>> entry : results.groups().entrySet()) {
      List<CaseResult> drawn = entry.getValue().stream().filter(SpeedChart::isDrawn).toList();
      if (drawn.isEmpty()) {
        continue;
      }
      Path file = folder.resolve(name + "-" + entry.getKey().fileSuffix() + ".png");
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
        String title = "Attention, " + entry.getKey().title() + ": share of the machine's ceiling";
        ChartEncoder.saveChart(chart(title, results.machine(), drawn), out, "png");
      }
      files.add(file);
    }
    return files;
  }

  private static boolean isDrawn(CaseResult result) {
    return result.rapt().filter(rapt -> rapt.shareOfCeiling() >= LEAST_SHARE).isPresent();
  }

  private static HorizontalBarChart chart(String title, Machine machine, List<CaseResult> cases) {
    List<String> names = cases.stream().map(result -> result.shape().name()).toList();
    Map<String, List<Double>> series = new LinkedHashMap<>();
    series.put(
        Session.RAPT,
        cases.stream().map(r -> r.rapt().map(SpeedChart::percent).orElse(0.0)).toList());
    for (String peer : PEERS.keySet()) {
      if (cases.stream().anyMatch(result -> share(result, peer).isPresent())) {
        series.put(peer, cases.stream().map(r -> share(r, peer).orElse(0.0)).toList());
      }
    }
    HorizontalBarChart chart =
        new HorizontalBarChartBuilder()
            .width(WIDTH)
            .height(FRAME_HEIGHT + cases.size() * (series.size() + 2) * BAR_HEIGHT)
            .title(title)
            .xAxisTitle("% of the multiply-add peak or of the read bandwidth, " + machine.cpu())
            .build();
    style(chart.getStyler());
    series.forEach(
        (name, values) -> {
          HorizontalBarSeries bars = chart.addSeries(name, values, names);
          bars.setFillColor(name.equals(Session.RAPT) ? RAPT_COLOUR : PEERS.get(name));
        });
    return chart;
  }

  private static Optional<Double> share(CaseResult result, String peer) {
    return result
        .peer(peer)
        .filter(figure -> figure.ratio() != null)
        .flatMap(figure -> result.rapt().map(rapt -> percent(rapt) / figure.ratio().median()));
  }

  private static double percent(Figure rapt) {
    return 100 * rapt.shareOfCeiling();
  }

  private static void style(HorizontalBarStyler styler) {
    Font labels = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
    styler.setXAxisMin(0.0);
    styler.setXAxisMax(100.0);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setAvailableSpaceFill(0.85);
    styler.setAxisTickLabelsFont(labels);
    styler.setAxisTitleFont(labels);
    styler.setLegendFont(labels);
    styler.setLegendPosition(Styler.LegendPosition.OutsideE);
    styler.setChartTitleFont(labels.deriveFont(Font.BOLD, 16f));
    styler.setPlotGridHorizontalLinesVisible(false);
    styler.setLabelsVisible(false);
  }
}

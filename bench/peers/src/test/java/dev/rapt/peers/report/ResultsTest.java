// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.peers.contest.Session;
import dev.rapt.peers.contest.Shape;
import dev.rapt.peers.contest.Shapes;
import dev.rapt.peers.report.CaseResult.Origin;
import dev.rapt.peers.report.CaseResult.Peaks;
import dev.rapt.peers.report.CaseResult.Repetition;
import dev.rapt.peers.report.CaseResult.Work;
import dev.rapt.peers.report.Figure.Outcome;
import dev.rapt.peers.report.Figure.Runner;
import dev.rapt.peers.report.Figure.Timing;
import dev.rapt.peers.report.Figure.Verdict;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The three forms that results take. */
class ResultsTest {
  private static final Machine MACHINE = new Machine("A CPU", 2, "Linux", "25", List.of("a.jar"));

  @TempDir private Path folder;

  @Test
  void aSpreadLiesBetweenRanks() {
    assertEquals(new Spread(2.5, 1.3, 3.7), Spread.of(new double[] {4, 1, 3, 2}));
    assertEquals(new Spread(7, 7, 7), Spread.of(new double[] {7}));
  }

  @Test
  void jsonComesBackAsItWent() throws IOException {
    Path file = folder.resolve("results.json");
    Results results = results();
    results.write(file);
    assertEquals(results, Results.read(file));
    String text = Files.readString(file);
    for (String word : List.of("\"peakGflops\"", "\"commit\"", "\"timed once\"", "\"p90\"")) {
      assertTrue(text.contains(word), word);
    }
  }

  /** Files that are kept were written before, and others may read them. */
  @Test
  void keptResultsAreWrittenAgainAsTheyAre() throws IOException {
    List<Path> kept;
    try (Stream<Path> files =
        Files.walk(Path.of(System.getProperty("rapt.root"), "bench/results"))) {
      kept = files.filter(file -> file.toString().matches(".*-peers(-avx2)?\\.json")).toList();
    }
    assertFalse(kept.isEmpty());
    for (Path file : kept) {
      Path again = folder.resolve("again.json");
      Results.read(file).write(again);
      assertEquals(Files.readString(file), Files.readString(again), file.toString());
    }
  }

  @Test
  void whatAllWereHeldToComesBackAndIsShown() throws IOException {
    Path file = folder.resolve("held.json");
    Results held =
        new Results(
            MACHINE,
            new Held("avx2", Map.of("onnxruntime", "nothing holds it down")),
            results().cases());
    held.write(file);
    assertEquals(held, Results.read(file));
    String text = MarkdownTable.of(held);
    assertTrue(text.contains("All were to keep to avx2"), text);
    assertTrue(text.contains("* onnxruntime: nothing holds it down\n"), text);
    assertFalse(MarkdownTable.of(results()).contains("All were to keep"));
  }

  @Test
  void aNewFigureReplacesThatOfTheSameCase() {
    CaseResult again = result("bert-base", DType.F32, 1, 9);
    CaseResult other = result("bert-base", DType.F32, 2, 9);
    CaseResult earlier = result("minilm", DType.F32, 1, 9);
    Results results =
        new Results(MACHINE, null, List.of())
            .with(List.of(earlier, result("bert-base", DType.F32, 1, 4)));
    assertEquals(
        List.of(again, earlier, other), results.with(List.of(other)).with(List.of(again)).cases());
  }

  @Test
  void theTableShowsRatiosAndReasons() {
    String text = MarkdownTable.of(results());
    assertTrue(text.contains("## f32, 1 thread\n"), text);
    assertTrue(text.contains("## bf16, 2 threads\n"), text);
    assertTrue(
        text.contains(
            "| bert-base | 1, 12/12, 512, 512, 64 | 201 GFLOP/s | 80 % | 2.00 × | 2.00 ×"
                + " (1.90–2.10) | ≈ 41 × |"),
        text);
    assertTrue(text.contains("* ORT Attention, not run: no such type (everywhere)"), text);
    assertTrue(text.contains("* libtorch + OpenBLAS, ≈: too long (everywhere)"), text);
    assertFalse(text.contains("| ORT Attention |"), "who never was timed has no column");
  }

  @Test
  void theBestPeerIsTheOneThatTakesLeast() {
    CaseResult result = result("bert-base", DType.F32, 1, 4);
    assertEquals("libtorch + MKL", result.bestPeer().orElseThrow().name());
    assertEquals(4e-3, result.rapt().orElseThrow().seconds().median());
  }

  @Test
  void aChartForEachGroupIsDrawn() throws IOException {
    List<Path> charts = SpeedChart.write(folder, "name", results());
    assertEquals(
        List.of(folder.resolve("name-f32-1t.png"), folder.resolve("name-bf16-2t.png")), charts);
    BufferedImage image = ImageIO.read(charts.getFirst().toFile());
    // Rapt's bar is 80 % long, that of a peer with twice its time 40 %.
    int rapt = longestRun(image, 0xFFB2182B);
    int peer = longestRun(image, 0xFF2166AC);
    assertTrue(rapt > 200, "Rapt's bar is " + rapt + " pixels long");
    assertEquals(0.5, (double) peer / rapt, 0.02);
  }

  private static int longestRun(BufferedImage image, int colour) {
    int longest = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      int run = 0;
      for (int x = 0; x < image.getWidth(); x++) {
        run = image.getRGB(x, y) == colour ? run + 1 : 0;
        longest = Math.max(longest, run);
      }
    }
    return longest;
  }

  private static Results results() {
    return new Results(
        MACHINE,
        null,
        List.of(result("bert-base", DType.F32, 1, 4), result("minilm", DType.BF16, 2, 4)));
  }

  private static CaseResult result(String name, DType dtype, int threads, double milliseconds) {
    Shape shape = Shapes.matching(List.of(name)).getFirst();
    double seconds = milliseconds / 1e3;
    List<Figure> figures =
        List.of(
            figure(Session.RAPT, Outcome.TIMED, "", seconds, null),
            figure("libtorch + MKL", Outcome.TIMED, "", 2 * seconds, new Spread(2, 1.9, 2.1)),
            figure(
                "libtorch + OpenBLAS",
                Outcome.TIMED_ONCE,
                "too long",
                41 * seconds,
                new Spread(41, 41, 41)),
            new Figure(
                new Runner("ORT Attention", "w", ""),
                new Verdict(Outcome.UNSUPPORTED, "no such type", null),
                Timing.NONE));
    return new CaseResult(
        shape,
        dtype,
        threads,
        new Origin("2026-01-01T00:00:00Z", "abc"),
        new Peaks(250, 40),
        new Work(shape.flops(), 1e6),
        new Repetition(1, 5),
        figures);
  }

  private static Figure figure(
      String name, Outcome outcome, String reason, double seconds, Spread ratio) {
    double share = 0.8 * (ratio == null ? 1 : 1 / ratio.median());
    return new Figure(
        new Runner(name, "w", "detail"),
        new Verdict(outcome, reason, 1e-7),
        new Timing(10, new Spread(seconds, seconds, seconds), ratio, share));
  }
}

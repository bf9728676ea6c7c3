// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import dev.rapt.DType;
import dev.rapt.peers.contest.Kernels;
import dev.rapt.peers.contest.Restraint;
import dev.rapt.peers.contest.Shape;
import dev.rapt.peers.contest.Shapes;
import dev.rapt.peers.contest.World;
import dev.rapt.peers.embedding.EmbeddingContest;
import dev.rapt.peers.embedding.EmbeddingFile;
import dev.rapt.peers.embedding.EmbeddingResult;
import dev.rapt.peers.report.CaseResult;
import dev.rapt.peers.report.Held;
import dev.rapt.peers.report.Machine;
import dev.rapt.peers.report.MarkdownTable;
import dev.rapt.peers.report.Results;
import dev.rapt.peers.report.SpeedChart;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** {@code rapt bench --peers}: chooses cases, runs them, writes what came out. */
@Command(
    name = "rapt bench --peers",
    description = {
      "Times Rapt against libtorch, ONNX Runtime, llama.cpp and plain Java: same inputs, results"
          + " compared first, turns taken in alternating order.",
      "Nothing else should run meanwhile. Writes JSON, a table and a chart for each type and number"
          + " of threads."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class PeersCommand implements Callable<Integer> {
  /** Set by the launcher: the native benchmark, and the checkout that results belong to. */
  static final String BENCH_PROPERTY = "dev.rapt.bench";

  static final String ROOT_PROPERTY = "dev.rapt.root";

  private static final String TORCH_LIBRARY = "/org/bytedeco/pytorch/linux-x86_64/libtorch_cpu.so";

  /** What opening, judging and the first calls of a case take, roughly. */
  private static final double SECONDS_AROUND_CASE = 4;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Option(
      names = "--shapes",
      split = ",",
      defaultValue = "*",
      paramLabel = "NAME",
      description = "names or globs, by comma (default: all); --list shows them")
  private List<String> shapes;

  @Option(
      names = "--dtypes",
      split = ",",
      defaultValue = "f32,bf16,f16",
      paramLabel = "TYPE",
      description = "storage types, by comma: f32, bf16, f16 (default: all)")
  private List<String> dtypes;

  @Option(
      names = "--threads",
      split = ",",
      defaultValue = "1",
      paramLabel = "N",
      description = "threads of one call, by comma (default: 1)")
  private List<Integer> threads;

  @Option(
      names = "--seconds",
      defaultValue = "8",
      paramLabel = "S",
      description = "time for the rounds of one case (default: ${DEFAULT-VALUE})")
  private double seconds;

  @Option(
      names = "--against",
      split = ",",
      defaultValue = "libtorch-mkl,libtorch-openblas,onnxruntime,llama.cpp,java",
      paramLabel = "PEER",
      description = "peers, by comma (default: ${DEFAULT-VALUE})")
  private List<String> peers;

  @Option(
      names = "--isa",
      defaultValue = "none",
      paramLabel = "SET",
      description = {
        "what everybody is held to: none (the default) or avx2, which sets Rapt's tier and the"
            + " switches of ATen, oneDNN, MKL, OpenBLAS and the JVM, for the processes that are"
            + " started.",
        "ONNX Runtime has no switch and takes what the CPU has, unless --onnxruntime names a build"
            + " of it that does not."
      })
  private String isa;

  @Option(
      names = "--onnxruntime",
      paramLabel = "DIR",
      description = "folder with libonnxruntime.so and libonnxruntime4j_jni.so to take instead")
  private Path onnxRuntime;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "folder of the results (default: bench/results)")
  private Path out;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "what the files' names begin with (default: today's date and -peers)")
  private String name;

  @Option(
      names = "--add",
      description =
          "keep what the results already hold of other cases, so that a long list can be measured"
              + " in parts")
  private boolean add;

  @Option(
      names = "--embedding",
      paramLabel = "FILE",
      description =
          "in place of shapes: embed the lines of this text with all-MiniLM-L6-v2, beside ONNX"
              + " Runtime on the same tokens, and give tokens per CPU second")
  private Path embedding;

  @Option(names = "--list", description = "only list the shapes: B, Hq/Hkv, Sq, Skv, D")
  private boolean list;

  /** One case: what a run loops over. */
  private record Case(Shape shape, DType dtype, int threads) {
    @Override
    public String toString() {
      String text = shape.name() + " " + dtype.name().toLowerCase(Locale.ROOT) + ", " + threads;
      return text + (threads == 1 ? " thread" : " threads");
    }
  }

  @Override
  public Integer call() throws IOException {
    PrintWriter console = spec.commandLine().getOut();
    List<Shape> chosen = usage(Shapes::matching, shapes);
    if (list) {
      chosen.forEach(
          shape -> console.printf(Locale.ROOT, "%-18s %s%n", shape.name(), shape.sizes()));
      return CommandLine.ExitCode.OK;
    }
    if (!(seconds > 0) || threads.stream().anyMatch(count -> count < 1)) {
      throw new ParameterException(spec.commandLine(), "--seconds and --threads must be positive");
    }
    Path root = Path.of(System.getProperty(ROOT_PROPERTY, "."));
    Path folder = out == null ? root.resolve("bench/results") : out;
    Terms terms = new Terms(usage(Restraint::of, isa), onnxRuntime);
    if (onnxRuntime != null) {
      requireOnnxRuntime();
    }
    if (embedding != null) {
      embed(root, folder, terms);
      return CommandLine.ExitCode.OK;
    }
    List<DType> types = dtypes.stream().map(text -> usage(PeersCommand::dtype, text)).toList();
    List<World> worlds = peers.stream().map(text -> usage(World::of, text)).distinct().toList();
    if (worlds.stream().anyMatch(World::isTorch) && !hasTorchNatives()) {
      throw new IOException(
          "libtorch's native libraries are not on the class path; start ./rapt bench --peers, which"
              + " fetches them, or leave libtorch out with --against");
    }
    String files = named(terms.restraint() == Restraint.NONE ? "-peers" : "-peers-" + isa);
    Files.createDirectories(folder);
    Path json = folder.resolve(files + ".json");
    List<CaseResult> earlier = add && Files.exists(json) ? kept(json, terms) : List.of();
    int cases = chosen.size() * types.size() * threads.size();
    console.printf(
        Locale.ROOT,
        "%d cases, about %.0f minutes%n",
        cases,
        Math.ceil(cases * (seconds + SECONDS_AROUND_CASE) / 60));
    Contest contest = new Contest(bench(root), Commit.of(root), seconds, terms.restraint());
    Results results = new Results(Machine.here(), null, earlier);
    for (int count : threads) {
      results = runAll(contest, terms, worlds, plan(chosen, types, count), results, json);
    }
    Files.writeString(folder.resolve(files + ".md"), MarkdownTable.of(results));
    List<Path> charts = SpeedChart.write(folder, files, results);
    console.println("wrote " + json + ", the same as .md, and " + charts.size() + " charts");
    return CommandLine.ExitCode.OK;
  }

  /** ONNX Runtime takes its own libraries where a folder lacks them, and says nothing. */
  private void requireOnnxRuntime() {
    for (String file : List.of("libonnxruntime.so", "libonnxruntime4j_jni.so")) {
      if (!Files.isRegularFile(onnxRuntime.resolve(file))) {
        throw new ParameterException(
            spec.commandLine(), "--onnxruntime " + onnxRuntime + " has no " + file);
      }
    }
    System.setProperty(World.ONNX_RUNTIME_PATH, onnxRuntime.toAbsolutePath().toString());
  }

  private List<CaseResult> kept(Path json, Terms terms) throws IOException {
    Results results = Results.read(json);
    String held = results.held() == null ? Restraint.NONE.id() : results.held().isa();
    if (!held.equals(terms.restraint().id())) {
      throw new ParameterException(
          spec.commandLine(), json + " was measured with --isa " + held + ", not " + isa);
    }
    return results.cases();
  }

  private String named(String suffix) {
    return name == null ? LocalDate.now(ZoneOffset.UTC) + suffix : name;
  }

  private void embed(Path root, Path folder, Terms terms) throws IOException {
    EmbeddingContest contest = EmbeddingContest.of(embedding);
    List<EmbeddingResult> results = new ArrayList<>();
    for (int count : threads) {
      try {
        results.add(contest.run(count, seconds, terms.restraint()));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
      spec.commandLine().getOut().println(results.getLast().text());
    }
    Files.createDirectories(folder);
    Path json =
        folder.resolve(
            named(terms.restraint() == Restraint.NONE ? "-embedding" : "-embedding-" + isa)
                + ".json");
    Map<String, String> kernels = Map.of(World.ONNX_RUNTIME.id(), Kernels.of(World.ONNX_RUNTIME));
    new EmbeddingFile(Machine.here(), held(terms, kernels), Commit.of(root), results).write(json);
    spec.commandLine().getOut().println("wrote " + json);
  }

  private static List<Case> plan(List<Shape> shapes, List<DType> types, int threads) {
    List<Case> cases = new ArrayList<>();
    for (DType type : types) {
      shapes.forEach(shape -> cases.add(new Case(shape, type, threads)));
    }
    return cases;
  }

  /** All cases of one number of threads; the file is written after each, so that none is lost. */
  private Results runAll(
      Contest contest,
      Terms terms,
      List<World> worlds,
      List<Case> cases,
      Results earlier,
      Path json)
      throws IOException {
    PrintWriter console = spec.commandLine().getOut();
    Results results = earlier;
    List<WorkerProcess> workers = new ArrayList<>();
    try {
      for (World world : worlds) {
        workers.add(new WorkerProcess(world, cases.getFirst().threads(), terms));
      }
      for (Case one : cases) {
        CaseResult result = contest.run(workers, one.shape(), one.dtype(), one.threads());
        Held held = held(terms, contest.kernels());
        results = new Results(results.machine(), held, results.with(List.of(result)).cases());
        results.write(json);
        console.println(Summary.of(one.toString(), result));
      }
    } finally {
      for (WorkerProcess worker : workers) {
        worker.close();
      }
    }
    return results;
  }

  private static @Nullable Held held(Terms terms, Map<String, String> kernels) {
    return terms.restraint() == Restraint.NONE ? null : new Held(terms.restraint().id(), kernels);
  }

  private static boolean hasTorchNatives() {
    return PeersCommand.class.getResource(TORCH_LIBRARY) != null;
  }

  private static Path bench(Path root) {
    String given = System.getProperty(BENCH_PROPERTY);
    return given == null ? root.resolve("build/release/bin/rapt-bench") : Path.of(given);
  }

  private static DType dtype(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "f32" -> DType.F32;
      case "f16" -> DType.F16;
      case "bf16" -> DType.BF16;
      default ->
          throw new IllegalArgumentException(
              "no type is called " + text + "; there are f32, bf16, f16");
    };
  }

  private <A, B> B usage(Function<A, B> parse, A argument) {
    try {
      return parse.apply(argument);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage());
    }
  }
}

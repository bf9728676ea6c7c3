// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.Device;
import dev.rapt.cli.files.TextLines;
import dev.rapt.cli.generate.GenerationReport;
import dev.rapt.cli.generate.InOrder;
import dev.rapt.cli.terminal.Printable;
import dev.rapt.cli.terminal.PrintableOutput;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.llama.BatchStatistics;
import dev.rapt.models.llama.LlamaModel;
import dev.rapt.models.llama.Sampling;
import dev.rapt.models.llama.TextBatch;
import dev.rapt.models.llama.TextGenerator;
import dev.rapt.models.llama.TextListener;
import dev.rapt.models.tokens.GgufTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code rapt generate}: continues texts by a language model. */
@Command(
    name = "generate",
    description = {
      "Continues a text by a language model: a Llama in a GGUF file, with F32, F16, BF16, Q8_0,"
          + " Q4_0, Q4_K or Q6_K weights.",
      "Prints the continuation as it is written; what it took goes to standard error. Special"
          + " tokens that the prompt spells out, as in <|eot_id|>, are taken as such.",
      "Several texts (--n, --prompts) are written together and printed in order, each when it and"
          + " all before it are there, behind a line with its number, --- 3 ---. With --json a text"
          + " is an object on a line of its own."
    },
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class)
final class GenerateCommand implements Runnable {
  private static final int MOST_BATCH = 4096;
  private static final int MIB = 1 << 20;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "PROMPT",
      arity = "0..1",
      parameterConsumer = Positional.Consumer.class,
      description =
          "the text to continue, in quotes; may be empty; behind -- if it is one word that begins"
              + " with a hyphen and a letter")
  private @Nullable String prompt;

  @Option(
      names = "--model",
      paramLabel = "FILE",
      required = true,
      description = "the GGUF file with the weights and the tokenizer")
  private Path model = Path.of("");

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description =
          "continue each line of UTF-8 text in place of PROMPT; - for standard input. Blank lines"
              + " are skipped, and a line's number in the file is its text's number. A line that is"
              + " not UTF-8, or too long for the model, is refused before anything is written")
  private @Nullable String prompts;

  @Option(
      names = "--n",
      paramLabel = "N",
      description =
          "write N continuations of PROMPT, whose keys and values are there once. The first one has"
              + " the seed of --seed, each other one its own, drawn from that. Default: 1")
  private @Nullable Integer count;

  @Option(
      names = "--max-batch",
      paramLabel = "N",
      description =
          "read and write at most so many texts at once; one that ends makes room for the next."
              + " Default: ${DEFAULT-VALUE}",
      defaultValue = "16")
  private int maxBatch;

  @Option(
      names = "--cache-mib",
      paramLabel = "N",
      description =
          "keep at most so many MiB of keys and values; texts that would need more wait. Default:"
              + " what --max-batch texts need")
  private @Nullable Integer cacheMib;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "end a text after so many tokens. Default: ${DEFAULT-VALUE}",
      defaultValue = "256")
  private int maxTokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "what the logits are divided by before a token is drawn; 0 = take the most likely one."
              + " Default: ${DEFAULT-VALUE}",
      defaultValue = "0")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "draw from the K most likely tokens; 0 = from all. Default: ${DEFAULT-VALUE}",
      defaultValue = "0")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "draw from as many of these as together have the probability P. Default:"
              + " ${DEFAULT-VALUE}",
      defaultValue = "1")
  private double topP;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "of the draws: the same seed writes the same text. Default: ${DEFAULT-VALUE}",
      defaultValue = "1")
  private long seed;

  @Option(
      names = "--json",
      description = "print a JSON object in place of a text, when all of it is there")
  private boolean json;

  @Mixin private DeviceOptions deviceOptions = new DeviceOptions();

  @Override
  public void run() {
    Sampling sampling = sampling();
    checkBatch();
    List<TextLines.Line> texts = prompts();
    checkFile();
    try (Device device = deviceOptions.openOnHost("generate");
        GgufFile file = GgufFile.open(model);
        GgufTokenizer tokenizer = tokenizer(file);
        LlamaModel llama = LlamaModel.load(device, file)) {
      TextBatch batch = batch(new TextGenerator(llama, tokenizer), texts, sampling);
      GenerateOutput output =
          new GenerateOutput((PrintableOutput) spec.commandLine().getOut(), json);
      GenerationReport report = new GenerationReport(maxTokens);
      BatchStatistics statistics =
          count() > 1 || prompts != null
              ? writeSeveral(batch, texts, output, report)
              : writeSingle(batch, texts.getFirst(), output, report);
      report.print(spec.commandLine().getErr(), statistics, device.description());
    } catch (GgufException e) {
      throw CliException.failure(
          "cannot use " + Failures.name(model) + ": " + Printable.line(e.getMessage()));
    } catch (IOException e) {
      throw CliException.failure("cannot read " + Failures.name(model) + ": " + Failures.reason(e));
    }
  }

  private int count() {
    return count == null ? 1 : count;
  }

  private void checkBatch() {
    if (count() < 1) {
      throw CliException.usage("--n must be 1 or more, not " + count);
    }
    if (maxBatch < 1 || maxBatch > MOST_BATCH) {
      throw CliException.usage("--max-batch must be 1 to " + MOST_BATCH + ", not " + maxBatch);
    }
    if (cacheMib != null && cacheMib < 1) {
      throw CliException.usage("--cache-mib must be 1 or more, not " + cacheMib);
    }
  }

  /** The prompts with their numbers. */
  private List<TextLines.Line> prompts() {
    if (prompts == null) {
      if (prompt == null) {
        throw new ParameterException(
            spec.commandLine(), "Missing required parameter: 'PROMPT', or --prompts FILE");
      }
      Positional.check(prompt, spec);
      return List.of(new TextLines.Line(1, prompt));
    }
    if (prompt != null) {
      Positional.check(prompt, spec);
      throw CliException.usage(
          "there are both a PROMPT, '" + Printable.line(prompt) + "', and --prompts; allowed: one");
    }
    if (count != null) {
      throw CliException.usage(
          "--n is for one PROMPT and not for --prompts; allowed: one of the two");
    }
    return lines(new TextInput(prompts, spec));
  }

  private static List<TextLines.Line> lines(TextInput input) {
    input.check();
    List<TextLines.Line> lines = new ArrayList<>();
    try (TextLines text = input.open(fault -> refuse(input, fault))) {
      for (TextLines.Line line = text.next(); line != null; line = text.next()) {
        if (!line.isBlank()) {
          lines.add(line);
        }
      }
    } catch (IOException e) {
      throw CliException.failure("cannot read " + input.name() + ": " + Failures.reason(e));
    }
    if (lines.isEmpty()) {
      throw CliException.usage(
          input.name() + " has no line with text in it; allowed: one prompt or more");
    }
    return lines;
  }

  private static void refuse(TextInput input, String fault) {
    throw CliException.failure("cannot use " + input.name() + ": " + fault);
  }

  private Sampling sampling() {
    if (maxTokens < 1) {
      throw CliException.usage("--max-tokens must be 1 or more, not " + maxTokens);
    }
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw CliException.usage("--temperature must be 0 or positive, not " + temperature);
    }
    if (topK < 0) {
      throw CliException.usage("--top-k must be 0 or more, not " + topK);
    }
    if (!(topP > 0) || topP > 1) {
      throw CliException.usage("--top-p must be more than 0 and at most 1, not " + topP);
    }
    return new Sampling(temperature, topK, topP, seed);
  }

  private void checkFile() {
    if (!Files.isRegularFile(model)) {
      throw CliException.usage(
          "cannot read "
              + Failures.name(model)
              + ": "
              + (Files.exists(model) ? "it is no regular file" : "it does not exist"));
    }
  }

  /** What fails here without being the file's fault is the library that cuts texts into tokens. */
  private static GgufTokenizer tokenizer(GgufFile file) throws GgufException {
    try {
      return GgufTokenizer.read(file);
    } catch (GgufException e) {
      throw e;
    } catch (IOException e) {
      throw CliException.failure("cannot load the tokenizers' library: " + Failures.reason(e));
    }
  }

  private TextBatch batch(TextGenerator generator, List<TextLines.Line> texts, Sampling sampling) {
    TextBatch batch =
        cacheMib == null
            ? generator.newBatch(maxBatch)
            : generator.newBatch(maxBatch, (long) cacheMib * MIB);
    for (TextLines.Line text : texts) {
      try {
        batch.add(text.text(), count(), sampling, maxTokens);
      } catch (IllegalArgumentException e) {
        String where = prompts == null ? "" : "line " + text.number() + ": ";
        throw CliException.failure(where + e.getMessage());
      }
    }
    return batch;
  }

  private BatchStatistics writeSeveral(
      TextBatch batch, List<TextLines.Line> texts, GenerateOutput output, GenerationReport report) {
    return run(
        batch,
        new InOrder(
            count(),
            text -> {
              report.count(text);
              TextLines.Line of = texts.get(text.prompt());
              long number = prompts == null ? text.continuation() : of.number();
              output.print(number, of.text(), text);
            }));
  }

  private static BatchStatistics writeSingle(
      TextBatch batch, TextLines.Line text, GenerateOutput output, GenerationReport report) {
    GenerateOutput.Single single = output.new Single();
    BatchStatistics statistics = run(batch, single);
    report.count(single.finish(text.text(), statistics));
    return statistics;
  }

  private static BatchStatistics run(TextBatch batch, TextListener listener) {
    try {
      return batch.run(listener);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw CliException.failure(e.getMessage());
    }
  }
}

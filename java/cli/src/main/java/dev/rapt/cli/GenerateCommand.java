// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.Device;
import dev.rapt.Plan;
import dev.rapt.cli.terminal.Printable;
import dev.rapt.cli.terminal.PrintableOutput;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.llama.Generated;
import dev.rapt.models.llama.LlamaModel;
import dev.rapt.models.llama.Sampling;
import dev.rapt.models.llama.TextGenerator;
import dev.rapt.models.tokens.GgufTokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rapt generate}: continues a text by a language model. */
@Command(
    name = "generate",
    description = {
      "Continues a text by a language model: a Llama in a GGUF file, with F32, F16, BF16, Q8_0,"
          + " Q4_0, Q4_K or Q6_K weights.",
      "Prints the continuation as it is written; what it took goes to standard error. Special"
          + " tokens that the prompt spells out, as in <|eot_id|>, are taken as such."
    },
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class)
final class GenerateCommand implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "PROMPT",
      parameterConsumer = Positional.Consumer.class,
      description =
          "the text to continue, in quotes; may be empty; behind -- if it is one word that begins"
              + " with a hyphen and a letter")
  private String prompt = "";

  @Option(
      names = "--model",
      paramLabel = "FILE",
      required = true,
      description = "the GGUF file with the weights and the tokenizer")
  private Path model = Path.of("");

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "stop after so many tokens. Default: ${DEFAULT-VALUE}",
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
      description = "print one JSON object in place of the text, when all of it is there")
  private boolean json;

  @Mixin private DeviceOptions deviceOptions = new DeviceOptions();

  @Override
  public void run() {
    Positional.check(prompt, spec);
    Sampling sampling = sampling();
    checkFile();
    PrintableOutput out = (PrintableOutput) spec.commandLine().getOut();
    try (Device device = deviceOptions.openOnHost("generate");
        GgufFile file = GgufFile.open(model);
        GgufTokenizer tokenizer = tokenizer(file);
        LlamaModel llama = LlamaModel.load(device, file)) {
      TextGenerator generator = new TextGenerator(llama, tokenizer);
      StringBuilder text = new StringBuilder();
      Generated generated = generate(generator, sampling, part -> write(part, text, out));
      if (json) {
        GenerationJson.print(out, prompt, text.toString(), generated);
      } else {
        out.println();
      }
      report(device, generated);
    } catch (GgufException e) {
      throw CliException.failure(
          "cannot use " + Failures.name(model) + ": " + Printable.line(e.getMessage()));
    } catch (IOException e) {
      throw CliException.failure("cannot read " + Failures.name(model) + ": " + Failures.reason(e));
    }
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

  private Generated generate(TextGenerator generator, Sampling sampling, Consumer<String> text) {
    try {
      return generator.generate(prompt, sampling, maxTokens, text);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw CliException.failure(e.getMessage());
    }
  }

  /** Ends the command where nobody reads any more: a model may write for hours. */
  private void write(String part, StringBuilder text, PrintableOutput out) {
    text.append(part);
    if (json || part.isEmpty()) {
      return;
    }
    out.print(part);
    IOException lost = out.failure();
    if (lost != null) {
      throw CliException.failure(
          "cannot write standard output: "
              + (Failures.isClosedPipe(lost) ? "its reader has closed it" : Failures.reason(lost)));
    }
  }

  private void report(Device device, Generated generated) {
    PrintWriter err = spec.commandLine().getErr();
    err.println(rate("prompt", generated.prompt().size(), generated.promptNanos()));
    err.println(rate("writing", generated.computed(), generated.writingNanos()));
    err.println(
        "end: "
            + switch (generated.end()) {
              case TOKEN -> "the model has ended the text";
              case LENGTH -> "--max-tokens " + maxTokens;
              case CONTEXT -> "the model's context is full";
            });
    err.println("plans: " + plans(generated) + " on " + device.description());
  }

  private static String rate(String what, int tokens, long nanos) {
    double seconds = Math.max(nanos, 1) / 1e9;
    return String.format(
        Locale.ROOT,
        "%s: %d tokens in %.3f s, %.1f tokens/s",
        what,
        tokens,
        seconds,
        tokens / seconds);
  }

  private static String plans(Generated generated) {
    return Stream.concat(generated.promptPlans().stream(), generated.writingPlans().stream())
        .map(Plan::name)
        .distinct()
        .collect(Collectors.joining(", "));
  }
}

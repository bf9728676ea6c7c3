// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.check.Tier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The committed results of the native corpus: a line for each problem, a column for each tier. */
final class Hashes {
  private final List<String> columns;
  private final List<String[]> lines;

  Hashes(Path file) throws IOException {
    List<String> all = Files.readAllLines(file);
    String head = all.stream().filter(line -> line.startsWith("# problem")).findFirst().orElse("");
    columns = Arrays.asList(head.replace("# ", "").split(" "));
    lines =
        all.stream().filter(line -> !line.startsWith("#")).map(line -> line.split(" ")).toList();
  }

  int problems() {
    return lines.size();
  }

  int of(Problem problem, Tier tier) {
    String[] line = lines.get(problem.number());
    assertEquals(problem.number() + " " + problem.operation(), line[0] + " " + line[1]);
    return Integer.parseUnsignedInt(
        line[columns.indexOf(tier.name().toLowerCase(Locale.ROOT))], 16);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rapt.DType;
import dev.rapt.peers.contest.Shapes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file of results of one machine.
 *
 * @param machine where they were measured
 * @param held the instructions that all were held to; null and absent where they were not
 * @param cases by threads, type and shape
 */
public record Results(
    Machine machine,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Held held,
    List<CaseResult> cases) {

  /** Reads what {@link #write} wrote. */
  public static Results read(Path file) throws IOException {
    return new ObjectMapper().readValue(file.toFile(), Results.class);
  }

  /** Replaces the file. */
  public void write(Path file) throws IOException {
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
    String text = new ObjectMapper().writer(printer).writeValueAsString(this);
    Files.writeString(file, text + "\n");
  }

  /** What one table and one chart hold. */
  public record Group(DType dtype, int threads) {
    /** For example {@code f32, 2 threads}. */
    public String title() {
      return type() + ", " + threads + (threads == 1 ? " thread" : " threads");
    }

    /** For example {@code f32-2t}. */
    public String fileSuffix() {
      return type() + "-" + threads + "t";
    }

    private String type() {
      return dtype.name().toLowerCase(Locale.ROOT);
    }
  }

  /** The cases by storage type and threads, in their order. */
  public Map<Group, List<CaseResult>> groups() {
    Map<Group, List<CaseResult>> groups = new LinkedHashMap<>();
    for (CaseResult result : cases) {
      Group group = new Group(result.dtype(), result.threads());
      groups.computeIfAbsent(group, key -> new ArrayList<>()).add(result);
    }
    return groups;
  }

  /** These results with others added, which replace those of the same case. */
  public Results with(List<CaseResult> others) {
    List<CaseResult> all = new ArrayList<>(cases);
    all.removeIf(old -> others.stream().anyMatch(old::sameCase));
    all.addAll(others);
    all.sort(
        Comparator.comparing(CaseResult::threads)
            .thenComparing(CaseResult::dtype)
            .thenComparing(result -> Shapes.names().indexOf(result.shape().name())));
    return new Results(machine, held, List.copyOf(all));
  }
}

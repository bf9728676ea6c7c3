// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.rapt.peers.report.Held;
import dev.rapt.peers.report.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Results of the embedding job as they are kept: of one machine and one commit.
 *
 * @param held the instructions that both were held to; null and absent where they were not
 */
public record EmbeddingFile(
    Machine machine,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Held held,
    String commit,
    List<EmbeddingResult> results) {
  /** Replaces the file. */
  public void write(Path file) throws IOException {
    ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    Files.writeString(file, json.writeValueAsString(this) + "\n");
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.rapt.peers.report.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Results of the embedding job as they are kept: of one machine and one commit. */
public record EmbeddingFile(Machine machine, String commit, List<EmbeddingResult> results) {
  /** Replaces the file. */
  public void write(Path file) throws IOException {
    ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    Files.writeString(file, json.writeValueAsString(this) + "\n");
  }
}

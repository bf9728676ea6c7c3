// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.peers.contest.Restraint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both encoders give the same vectors, in the order of the sentences, before they are timed. */
class EmbeddingContestTest {
  @TempDir private Path folder;

  @Test
  void vectorsAgreeAndEveryoneIsTimed() throws IOException, InterruptedException {
    StringBuilder text = new StringBuilder("\n");
    for (int i = 0; i < 40; i++) {
      text.append("Sentence ").append("word ".repeat(i % 7)).append(i).append(".\n\n");
    }
    Path file = folder.resolve("sentences.txt");
    Files.writeString(file, text);
    EmbeddingResult result = EmbeddingContest.of(file).run(1, 0.01, Restraint.NONE);
    assertEquals(40, result.sentences());
    assertEquals(3, result.figures().size());
    assertEquals(0, result.figures().getFirst().difference(), "a second run of Rapt's");
    for (EmbeddingResult.Figure figure : result.figures().subList(1, 3)) {
      assertTrue(figure.difference() <= EmbeddingContest.ALLOWED, figure::toString);
      assertTrue(figure.difference() > 0, "not the other library: " + figure);
      assertTrue(figure.ratio().median() > 0, figure::toString);
    }
    assertTrue(result.text().contains("sorted by length"), result::text);
  }

  @Test
  void aWrongVectorIsSeen() {
    float[][] one = {{0.5f, 0.25f}, {1, 0}};
    float[][] other = {{0.5f, 0.25f}, {1, 0.5f}};
    float[][] broken = {{Float.NaN, 0.25f}, {1, 0}};
    assertEquals(0.5, EmbeddingContest.difference(one, other));
    assertEquals(Double.MAX_VALUE, EmbeddingContest.difference(one, broken));
  }

  @Test
  void aFileWithoutSentencesIsNamed() throws IOException {
    Path file = folder.resolve("empty.txt");
    Files.write(file, List.of("", "  "));
    IOException e = assertThrows(IOException.class, () -> EmbeddingContest.of(file));
    assertTrue(e.getMessage().contains("empty.txt"), e::getMessage);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.stress.call.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Some thousand wrong calls, and that what is not as promised is seen. */
class HostileRunTest {
  private static final int CALLS = 5000;

  @TempDir Path folder;

  private HostileSummary run(long first, long calls) throws IOException, InterruptedException {
    return new HostileRun(11).run(first, calls, folder.resolve("log"), Map.of(), done -> {});
  }

  @Test
  void wrongCallsAreRefusedAsPromised() throws IOException, InterruptedException {
    HostileSummary summary = run(0, CALLS);
    assertEquals(List.of(), summary.failures());
    assertTrue(summary.isGood());
    assertEquals(CALLS, summary.refused() + summary.succeeded());
    assertTrue(summary.succeeded() > CALLS / 50, summary.text());
    assertTrue(summary.kinds().size() > 100, summary.kinds().toString());
  }

  @Test
  void aNumberReplaysItsCall() throws IOException, InterruptedException {
    assertEquals(run(17, 1).kinds(), run(17, 1).kinds());
    ByteBuffer log =
        ByteBuffer.wrap(Files.readAllBytes(folder.resolve("log"))).order(ByteOrder.nativeOrder());
    assertEquals(11, log.getLong(0));
    assertEquals(17, log.getLong(8));
  }

  @Test
  void whatWasNotPromisedIsAFailure() {
    Expect expect = Expect.illegal("query", "5").or("here", "there");
    Runnable right =
        () -> {
          throw new IllegalArgumentException("query is 5 there");
        };
    assertNull(new Attempt("", Kind.FLOATS, right, expect).failure());
    assertNull(new Attempt("", Kind.FLOATS, right, Expect.illegal("key"), expect).failure());
    assertTrue(new Attempt("", Kind.FLOATS, right).failure().startsWith("threw"));
    assertTrue(
        new Attempt("", Kind.FLOATS, right, Expect.illegal("key")).failure().startsWith("threw"));
    assertTrue(
        new Attempt("", Kind.FLOATS, right, expect.or("nowhere")).failure().startsWith("threw"));
    Expect other = Expect.of(NullPointerException.class, "query");
    assertTrue(new Attempt("", Kind.FLOATS, right, other).failure().startsWith("threw"));
    assertTrue(new Attempt("", Kind.FLOATS, () -> {}, expect).failure().startsWith("succeeded"));
    assertEquals(
        "written", new Attempt("", List.of(), right, List.of(expect), () -> "written").failure());
  }
}

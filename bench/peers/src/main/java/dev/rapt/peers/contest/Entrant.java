// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.rapt.peers.contest.Agreement.Verdict;

/**
 * A contender by name, and what became of it before anything was timed.
 *
 * @param name as tables show it
 * @param detail operator, plan or way of masking; empty where it could not be opened
 * @param status whether it can be timed
 * @param reason why not; empty where it can
 * @param difference the largest difference from the expected values, as a share of the largest of
 *     them; NaN where nothing was computed
 */
public record Entrant(String name, String detail, Status status, String reason, double difference) {

  /** What became of a contender. */
  public enum Status {
    /** Its result is right: it can be timed. */
    READY,
    /** It cannot compute this shape or type. */
    UNSUPPORTED,
    /** Its result is off. */
    WRONG
  }

  /** Of a reason only the first line is kept: libraries go on with where they threw it. */
  static Entrant unsupported(String name, String reason) {
    String line = reason.strip().lines().findFirst().orElse("");
    return new Entrant(name, "", Status.UNSUPPORTED, line, Double.NaN);
  }

  static Entrant judged(String name, String detail, Verdict verdict) {
    Status status = verdict.agrees() ? Status.READY : Status.WRONG;
    return new Entrant(name, detail, status, verdict.complaint(), verdict.difference());
  }

  /** Whether it can be timed. */
  @JsonIgnore
  public boolean isReady() {
    return status == Status.READY;
  }
}

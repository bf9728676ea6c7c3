// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonUnwrapped;

/** What one contender did with one shape. In JSON its groups are flat. */
public record Figure(
    @JsonUnwrapped Runner runner, @JsonUnwrapped Verdict verdict, @JsonUnwrapped Timing timing) {

  /**
   * Who it is.
   *
   * @param name as tables show it
   * @param process the world it ran in, beside Rapt
   * @param detail operator, plan or way of masking
   */
  public record Runner(String name, String process, String detail) {}

  /**
   * Whether it takes part.
   *
   * @param outcome whether it was timed
   * @param reason why not, or why only once; empty otherwise
   * @param difference the largest difference from the expected values, as a share of the largest of
   *     them; null where nothing was computed
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Verdict(Outcome outcome, String reason, Double difference) {}

  /**
   * Its time.
   *
   * @param samples how many figures the spread is of; 0 where it was not timed
   * @param seconds per call; null where it was not timed
   * @param ratio its time over Rapt's in the same process, over the rounds: above 1, Rapt is
   *     faster; null for Rapt and where it was not timed
   * @param shareOfCeiling the least time that the machine's ceilings allow over its own, by round:
   *     the median; null where it was not timed
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Timing(int samples, Spread seconds, Spread ratio, Double shareOfCeiling) {
    /** Of who was not timed. */
    public static final Timing NONE = new Timing(0, null, null, null);
  }

  /** As tables show it. */
  public String name() {
    return runner.name;
  }

  /** Operator, plan or way of masking. */
  public String detail() {
    return runner.detail;
  }

  /** Whether it was timed. */
  public Outcome outcome() {
    return verdict.outcome;
  }

  /** Why it was not timed, or only once. */
  public String reason() {
    return verdict.reason;
  }

  /** Per call; null where it was not timed. */
  public Spread seconds() {
    return timing.seconds;
  }

  /** Its time over Rapt's; null for Rapt and where it was not timed. */
  public Spread ratio() {
    return timing.ratio;
  }

  /** The ceilings' time over its own; null where it was not timed. */
  public Double shareOfCeiling() {
    return timing.shareOfCeiling;
  }

  /** What came of it. */
  public enum Outcome {
    /** In turns with Rapt. */
    @JsonProperty("timed")
    TIMED,
    /** One call: more would not have fitted into the time of the case. */
    @JsonProperty("timed once")
    TIMED_ONCE,
    /** It cannot do this shape or type. */
    @JsonProperty("unsupported")
    UNSUPPORTED,
    /** Its result is off, so that its time means nothing. */
    @JsonProperty("wrong result")
    WRONG
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What one contender did with one shape.
 *
 * @param name as tables show it
 * @param process the world it ran in, beside Rapt
 * @param detail operator, plan or way of masking
 * @param outcome whether it was timed
 * @param reason why not, or why only once; empty otherwise
 * @param difference the largest difference from the expected values, as a share of the largest of
 *     them; null where nothing was computed
 * @param samples how many figures the spread is of; 0 where it was not timed
 * @param seconds per call; null where it was not timed
 * @param ratio its time over Rapt's in the same process, over the rounds: above 1, Rapt is faster;
 *     null for Rapt and where it was not timed
 * @param shareOfCeiling the least time that the machine's ceilings allow over its median; null
 *     where it was not timed
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Figure(
    String name,
    String process,
    String detail,
    Outcome outcome,
    String reason,
    Double difference,
    int samples,
    Spread seconds,
    Spread ratio,
    Double shareOfCeiling) {

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

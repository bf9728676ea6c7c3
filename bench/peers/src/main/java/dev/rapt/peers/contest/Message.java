// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.rapt.DType;
import java.util.List;
import java.util.Map;

/** What the benchmark and its worker processes tell each other: one line of JSON each. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "message")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Message.Prepare.class, name = "prepare"),
  @JsonSubTypes.Type(value = Message.Prepared.class, name = "prepared"),
  @JsonSubTypes.Type(value = Message.Round.class, name = "round"),
  @JsonSubTypes.Type(value = Message.Timed.class, name = "timed"),
  @JsonSubTypes.Type(value = Message.Failed.class, name = "failed")
})
public sealed interface Message {
  /** To a worker: open this shape, in place of the last one. */
  record Prepare(Shape shape, DType dtype, int threads) implements Message {}

  /** From a worker: who takes part, and which instructions its libraries say they take. */
  record Prepared(List<Entrant> entrants, int copies, String kernels) implements Message {}

  /** To a worker: a turn for each of these; see {@link Session#round}. */
  record Round(List<String> only, boolean reverse, double seconds) implements Message {}

  /** From a worker: seconds per call by name. */
  record Timed(Map<String, double[]> samples) implements Message {}

  /** From a worker: it cannot go on. */
  record Failed(String reason) implements Message {}
}

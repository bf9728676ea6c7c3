// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/** What has happened so far. Thread-safe. */
final class Tally {
  private final Map<String, LongAdder> counts = new ConcurrentHashMap<>();
  private final Queue<String> failures = new ConcurrentLinkedQueue<>();
  private final LongAdder calls = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final LongAdder compared = new LongAdder();

  /** A call has ended, in one way or another. */
  void call() {
    calls.increment();
  }

  /** So many bytes were what they are alone. */
  void same(long size) {
    compared.increment();
    bytes.add(size);
  }

  /** Counts under a name that begins with its group. */
  void count(String name) {
    counts.computeIfAbsent(name, key -> new LongAdder()).increment();
  }

  void count(String name, long times) {
    counts.computeIfAbsent(name, key -> new LongAdder()).add(times);
  }

  void failure(String sentence) {
    failures.add(sentence);
  }

  long calls() {
    return calls.sum();
  }

  long compared() {
    return compared.sum();
  }

  long bytes() {
    return bytes.sum();
  }

  Queue<String> failures() {
    return failures;
  }

  /** The counts of a group, without its name. */
  Map<String, Long> group(String group) {
    Map<String, Long> sorted = new TreeMap<>();
    counts.forEach(
        (name, count) -> {
          if (name.startsWith(group + "/")) {
            sorted.put(name.substring(group.length() + 1), count.sum());
          }
        });
    return sorted;
  }
}

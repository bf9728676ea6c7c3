// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Plan;
import dev.rapt.cache.CacheStatistics;
import dev.rapt.cache.KvCache;
import dev.rapt.models.tokens.GgufTokenizer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Writes the texts of a batch. Whoever begins, prompt or text, has all pages that it may ever need
 * counted as taken, so that nobody who has begun finds the cache full; the others wait.
 */
final class BatchRun implements AutoCloseable {
  private final LlamaModel model;
  private final GgufTokenizer tokenizer;
  private final KvCache cache;
  private final TextListener listener;
  private final int mostTexts;
  private final int pages;
  private final LlamaStep step;

  // A prompt goes through these, in this order.
  private final Deque<TextRequest> waiting;
  private final List<ReadPrompt> reading = new ArrayList<>();
  private final List<ReadPrompt> continued = new ArrayList<>();
  private final List<WrittenText> writing = new ArrayList<>();

  private final Tally promptTally = new Tally();
  private final Tally writingTally = new Tally();
  private int counted;
  private int mostPages;
  private int mostShared;

  /** What was done so far. */
  private static final class Tally {
    private long tokens;
    private double nanos;
    private List<Plan> plans = List.of();

    BatchStatistics.Work work() {
      return new BatchStatistics.Work(tokens, Math.round(nanos), plans);
    }
  }

  /**
   * A run of these requests.
   *
   * @param mostTexts that are read and written at once
   */
  BatchRun(
      LlamaModel model,
      GgufTokenizer tokenizer,
      KvCache cache,
      List<TextRequest> requests,
      int mostTexts,
      TextListener listener) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.cache = cache;
    this.listener = listener;
    this.mostTexts = mostTexts;
    waiting = new ArrayDeque<>(requests);
    pages = cache.statistics().pages();
    int longestPrompt = 0;
    int longest = 0;
    for (TextRequest request : requests) {
      longestPrompt = Math.max(longestPrompt, request.tokens().length);
      longest = Math.max(longest, request.longest());
    }
    // A step has room for the longest part of a prompt, or for several short ones.
    int parts = (int) Math.min(LlamaStep.CHUNK, (long) mostTexts * longestPrompt);
    step = new LlamaStep(model, cache, mostTexts, mostTexts + parts, longest);
  }

  BatchStatistics run() {
    begin();
    while (!reading.isEmpty() || !writing.isEmpty()) {
      long start = System.nanoTime();
      int prompts = fill();
      int all = prompts + writing.size();
      step.plan();
      look(prompts == 0 ? writingTally : promptTally);
      step.run();
      take();
      begin();
      double nanos = System.nanoTime() - start;
      promptTally.tokens += prompts;
      promptTally.nanos += nanos * prompts / all;
      writingTally.tokens += all - prompts;
      writingTally.nanos += nanos * (all - prompts) / all;
    }
    return new BatchStatistics(
        promptTally.work(),
        writingTally.work(),
        mostPages,
        mostShared,
        cache.pageSize(),
        cache.statistics().pageBytes());
  }

  /** Lets begin who has a place and pages: continuations of what was read, then prompts. */
  private void begin() {
    while (reading.size() + writing.size() < mostTexts) {
      if (continued.isEmpty() ? !beginPrompt() : !beginText()) {
        return;
      }
    }
  }

  private boolean beginPrompt() {
    TextRequest next = waiting.peek();
    if (next == null || !count(next.leastPages())) {
      return false;
    }
    waiting.remove();
    reading.add(new ReadPrompt(next, cache));
    return true;
  }

  private boolean beginText() {
    for (ReadPrompt prompt : continued) {
      TextRequest request = prompt.request();
      boolean last = prompt.isLast();
      // The prompt has counted those of the first one; the last one takes over those of the prompt.
      int more = prompt.begun() == 0 ? 0 : request.ownPages() - (last ? request.keptPages() : 0);
      if (count(more)) {
        WrittenText text = new WrittenText(prompt, model, tokenizer, listener);
        if (last) {
          continued.remove(prompt);
        }
        if (text.take(prompt.logits())) {
          uncount(prompt);
        } else {
          writing.add(text);
        }
        return true;
      }
    }
    return false;
  }

  private boolean count(int more) {
    if (counted + more > pages) {
      return false;
    }
    counted += more;
    return true;
  }

  private void uncount(ReadPrompt prompt) {
    counted -= prompt.request().ownPages();
    if (prompt.end()) {
      counted -= prompt.request().sharedPages();
    }
  }

  /** Fills a step; returns how many tokens of it are those of prompts. */
  private int fill() {
    for (WrittenText text : writing) {
      text.addTo(step);
    }
    int prompts = 0;
    for (ReadPrompt prompt : reading) {
      int count = prompt.chunk();
      if (count <= step.room()) {
        prompt.addTo(step);
        prompts += count;
      }
    }
    return prompts;
  }

  private void look(Tally tally) {
    if (tally.plans.isEmpty()) {
      tally.plans = step.plans();
    }
    CacheStatistics now = cache.statistics();
    mostPages = Math.max(mostPages, now.used());
    mostShared = Math.max(mostShared, now.shared());
  }

  /** Takes what the step has computed. */
  private void take() {
    for (ReadPrompt prompt : reading) {
      if (prompt.isRead()) {
        prompt.keep(step);
        continued.add(prompt);
      }
    }
    reading.removeIf(ReadPrompt::isRead);
    writing.removeIf(
        text -> {
          boolean over = text.take(step);
          if (over) {
            uncount(text.prompt());
          }
          return over;
        });
  }

  @Override
  public void close() {
    step.close();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.cache.KvCache;
import dev.rapt.models.tokens.GgufTokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Many texts that are written together: each step of the model takes a token of every text that is
 * being written, and beside them parts of prompts. A text that ends makes room for the next one.
 * The continuations of a prompt share its pages in the cache. Each text is the one that it is
 * alone. Not thread-safe.
 *
 * {@snippet :
 * TextBatch batch = generator.newBatch(16);
 * for (String prompt : prompts) {
 *   batch.add(prompt, 1, Sampling.GREEDY, 100);
 * }
 * batch.run(text -> System.out.println(text.text()));
 * }
 */
public final class TextBatch {
  /** What {@link #TextBatch} takes in place of a limit. */
  static final long NO_LIMIT = Long.MAX_VALUE;

  private static final int MOST_TEXTS = 4096;

  private final LlamaModel model;
  private final GgufTokenizer tokenizer;
  private final int mostTexts;
  private final long mostBytes;
  private final List<TextRequest> requests = new ArrayList<>();

  TextBatch(LlamaModel model, GgufTokenizer tokenizer, int mostTexts, long mostBytes) {
    if (mostTexts < 1 || mostTexts > MOST_TEXTS) {
      throw new IllegalArgumentException(
          "the texts at once are " + mostTexts + "; allowed: 1 to " + MOST_TEXTS);
    }
    this.model = model;
    this.tokenizer = tokenizer;
    this.mostTexts = mostTexts;
    this.mostBytes = mostBytes;
  }

  /**
   * Adds a prompt. A text stops at the end that the model sets, after so many tokens, or where the
   * context is full.
   *
   * @param continuations how many of them to write; the first one draws by the sampling's seed, the
   *     others as {@link Sampling#ofContinuation} says
   * @throws IllegalArgumentException where the prompt has no tokens, leaves no room for one in the
   *     model's context or does not fit the cache, or the other numbers are not positive; the batch
   *     is then as before
   */
  public void add(String prompt, int continuations, Sampling sampling, int maxTokens) {
    positive("continuations", continuations);
    positive("tokens", maxTokens);
    int[] tokens = tokenizer.encode(prompt);
    int context = model.config().contextLength();
    if (tokens.length == 0) {
      throw new IllegalArgumentException(
          "the prompt has no tokens, and this model adds none; allowed: 1 or more");
    }
    if (tokens.length >= context) {
      throw new IllegalArgumentException(
          "the prompt has "
              + tokens.length
              + " tokens; allowed: less than the model's context, "
              + context);
    }
    // The last token that is written does not come to the cache.
    int longest = (int) Math.min(context, tokens.length + (maxTokens - 1L));
    TextRequest request =
        new TextRequest(requests.size(), tokens, continuations, sampling, maxTokens, longest);
    checkFits(request);
    requests.add(request);
  }

  private static void positive(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(
          "the " + what + " to write are " + value + "; allowed: 1 or more");
    }
  }

  private void checkFits(TextRequest request) {
    long bytes = pageBytes() * request.leastPages();
    if (bytes > mostBytes) {
      throw new IllegalArgumentException(
          "the prompt has "
              + request.tokens().length
              + " tokens and its text may have "
              + request.maxTokens()
              + ", whose keys and values take "
              + bytes
              + " bytes; allowed: "
              + mostBytes
              + ", the cache's limit");
    }
  }

  private long pageBytes() {
    return model.config().cacheBytes(LlamaModel.PAGE_SIZE);
  }

  /**
   * Writes all texts, in the order of the prompts, and empties the batch.
   *
   * @param listener hears of each text as it comes, and of the end of each, in any order
   * @throws IllegalArgumentException where there is no prompt, or memory does not hold the cache
   * @throws IllegalStateException where the model's logits are not numbers
   */
  public BatchStatistics run(TextListener listener) {
    if (requests.isEmpty()) {
      throw new IllegalArgumentException("there are 0 prompts; allowed: 1 or more");
    }
    List<TextRequest> all = List.copyOf(requests);
    requests.clear();
    long pages = Math.min(mostBytes / pageBytes(), mostPages(all));
    try (KvCache cache = model.newCache(pages * LlamaModel.PAGE_SIZE);
        BatchRun run = new BatchRun(model, tokenizer, cache, all, most(all), listener)) {
      return run.run();
    } catch (OutOfMemoryError e) {
      throw new IllegalArgumentException(
          "there is no memory for " + most(all) + " texts at once; allowed: fewer", e);
    }
  }

  private int most(List<TextRequest> all) {
    long texts = all.stream().mapToLong(TextRequest::continuations).sum();
    return (int) Math.min(mostTexts, texts);
  }

  /** Pages with which as many texts at once as are wanted have room, whichever these are. */
  private long mostPages(List<TextRequest> all) {
    long pages =
        all.stream()
            .mapToLong(request -> request.sharedPages() + request.keptPages())
            .boxed()
            .sorted(Comparator.reverseOrder())
            .limit(mostTexts)
            .mapToLong(Long::longValue)
            .sum();
    long texts = mostTexts;
    List<TextRequest> largest = new ArrayList<>(all);
    largest.sort(Comparator.comparingInt(TextRequest::ownPages).reversed());
    for (TextRequest request : largest) {
      long count = Math.min(texts, request.continuations());
      pages += count * request.ownPages();
      texts -= count;
    }
    return pages;
  }
}

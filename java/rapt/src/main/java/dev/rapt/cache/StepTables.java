// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The tables that the kernels read: of each token its slot and position, of each sequence where its
 * queries begin, how many keys it has and in which pages. They are views of memory that is there
 * once; a plan of other sizes makes new views.
 *
 * <p>The page table has as many columns as a power of two, so that texts which grow keep it.
 */
final class StepTables {
  private static final int LEAST_COLUMNS = 8;

  private final Arena arena;
  private final CacheShape shape;
  private final int mostColumns;
  private final MemorySegment slotMemory;
  private final MemorySegment positionMemory;
  private final MemorySegment startMemory;
  private final MemorySegment lengthMemory;
  private final int mostSequences;
  private MemorySegment tableMemory = MemorySegment.NULL;
  private Tensor slots;
  private Tensor positions;
  private Tensor starts;
  private Tensor lengths;
  private Tensor table;
  private int longestQuery;

  StepTables(Arena arena, KvCache cache, int mostSequences, int mostTokens) {
    this.arena = arena;
    this.mostSequences = mostSequences;
    shape = cache.shape();
    mostColumns = (int) cache.keys(0).size(0);
    slotMemory = Tensor.allocate(arena, DType.I64, mostTokens).segment();
    positionMemory = Tensor.allocate(arena, DType.I64, mostTokens).segment();
    startMemory = Tensor.allocate(arena, DType.I32, mostSequences + 1L).segment();
    lengthMemory = Tensor.allocate(arena, DType.I32, mostSequences).segment();
    int columns = Math.min(mostColumns, LEAST_COLUMNS);
    tableMemory = Tensor.allocate(arena, DType.I32, mostSequences, columns).segment();
    slots = Tensor.of(slotMemory, DType.I64, 1, 0);
    positions = Tensor.of(positionMemory, DType.I64, 1, 0);
    starts = Tensor.of(startMemory, DType.I32, 1);
    lengths = Tensor.of(lengthMemory, DType.I32, 0);
    table = Tensor.of(tableMemory, DType.I32, 0, columns);
  }

  /** (1, tokens). */
  Tensor slots() {
    return slots;
  }

  /** (1, tokens). */
  Tensor positions() {
    return positions;
  }

  /** (sequences + 1). */
  Tensor starts() {
    return starts;
  }

  /** (sequences). */
  Tensor lengths() {
    return lengths;
  }

  /** (sequences, pages). */
  Tensor table() {
    return table;
  }

  /** An upper bound of the tokens of a sequence. */
  int longestQuery() {
    return longestQuery;
  }

  /** An upper bound of the keys of a sequence. */
  long longestKey() {
    return table.size(1) * shape.pageSize();
  }

  /**
   * Writes everything.
   *
   * @return whether the views are other ones than before
   */
  boolean fill(List<Reservation> entries, int tokens) {
    int count = entries.size();
    int pages = 0;
    int longest = 0;
    for (int i = 0; i < count; i++) {
      pages = Math.max(pages, entries.get(i).pageCount());
      longest = Math.max(longest, entries.get(i).tokens());
    }
    boolean changed = fit(count, tokens, pages, longest);
    int first = 0;
    for (int i = 0; i < count; i++) {
      fill(entries.get(i), i, first);
      first += entries.get(i).tokens();
    }
    startMemory.setAtIndex(ValueLayout.JAVA_INT, count, first);
    return changed;
  }

  private void fill(Reservation entry, int index, int first) {
    int before = entry.before();
    int size = shape.pageSize();
    startMemory.setAtIndex(ValueLayout.JAVA_INT, index, first);
    lengthMemory.setAtIndex(ValueLayout.JAVA_INT, index, before + entry.tokens());
    long row = index * table.size(1);
    for (int i = 0; i < entry.pageCount(); i++) {
      tableMemory.setAtIndex(ValueLayout.JAVA_INT, row + i, entry.page(i));
    }
    for (int i = 0; i < entry.tokens(); i++) {
      int position = before + i;
      long page = entry.page(position / size);
      slotMemory.setAtIndex(ValueLayout.JAVA_LONG, first + i, page * size + position % size);
      positionMemory.setAtIndex(ValueLayout.JAVA_LONG, first + i, position);
    }
  }

  private boolean fit(int sequences, int tokens, int pages, int longest) {
    int columns = (int) table.size(1);
    while (columns < pages) {
      columns = (int) Math.min(mostColumns, 2L * columns);
    }
    // A step of single tokens needs less scratch than one of which that is not known.
    int bound = longest == 1 ? 1 : tokens;
    if (sequences == lengths.size(0)
        && tokens == slots.size(1)
        && columns == table.size(1)
        && bound == longestQuery) {
      return false;
    }
    if (columns != table.size(1)) {
      tableMemory = Tensor.allocate(arena, DType.I32, mostSequences, columns).segment();
    }
    slots = Tensor.of(slotMemory, DType.I64, 1, tokens);
    positions = Tensor.of(positionMemory, DType.I64, 1, tokens);
    starts = Tensor.of(startMemory, DType.I32, sequences + 1L);
    lengths = Tensor.of(lengthMemory, DType.I32, sequences);
    table = Tensor.of(tableMemory, DType.I32, sequences, columns);
    longestQuery = bound;
    return true;
  }
}

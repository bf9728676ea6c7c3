// SPDX-License-Identifier: Apache-2.0

/**
 * Keys and values of many texts in one memory: {@link dev.rapt.cache.KvCache} owns pages, {@link
 * dev.rapt.cache.Sequence} is a text in some of them, and {@link dev.rapt.cache.Step} carries a
 * batch of texts through the layers of a model. All of it is plain Java over {@link
 * dev.rapt.Append} and {@link dev.rapt.Attention}; an engine with a cache of its own calls those.
 *
 * <p><b>Pages.</b> The memory is divided once, by a limit in bytes, into pages. A page holds the
 * keys and values of so many neighbouring tokens, for all layers and kv heads. Rows of a head are
 * neighbours in a page, so that attention reads runs. A text of n tokens has the first ⌈n / page
 * size⌉ pages of its list and nothing else: what is wasted is less than one page a text. Where the
 * native library is loaded, a page that was never used is not touched, so that the memory of the
 * process grows with use.
 *
 * <p><b>Sharing.</b> A page counts who holds it: texts, and the {@link dev.rapt.cache.PrefixIndex}.
 * A fork holds the same pages as its parent and copies nothing. A text whose last page is partly
 * filled and held by others writes on into a copy of that page, which the step makes; full pages
 * are never written to again. So nobody sees the tokens of another.
 *
 * <p><b>A step is a transaction.</b> {@link dev.rapt.cache.Step#add} takes the pages for a text's
 * new tokens, or throws {@link dev.rapt.cache.CacheFullException} and takes none. {@link
 * dev.rapt.cache.Step#plan} writes the tables that the kernels read, once for all layers: slots,
 * positions, starts, lengths, pages. Until {@link dev.rapt.cache.Step#commit} the texts are as they
 * were; a rollback gives the pages back, and whatever was written there is nobody's. A step that is
 * planned like the one before, on the same tensors, allocates nothing on the Java heap, except
 * where a text's list of pages grows.
 *
 * <p><b>Full.</b> Pages that only the prefix index holds are free for whoever needs them, except
 * those before a page that a text holds: the least recently used prefix goes first, its end before
 * its beginning. A cache is full where even these are not enough. Then nothing has changed, and the
 * caller decides which text waits.
 *
 * <p><b>Bits.</b> A text's results do not depend on where its pages lie, on their size, on forks or
 * on what else is in the batch; they are those of the same rows in one piece.
 *
 * <p><b>Threads.</b> A cache, its sequences and its index may be used by any number of threads. One
 * lock guards the bookkeeping, never while a kernel runs or memory is copied. A step belongs to one
 * thread at a time; several steps of one cache may run at once, on sequences of their own. A
 * sequence that is in a step, or is being saved, refuses everything else with {@link
 * java.lang.IllegalStateException}. Closing the cache waits for what is running.
 *
 * <p>Kwon et al., "Efficient Memory Management for Large Language Model Serving with
 * PagedAttention" (2023).
 */
@NullMarked
package dev.rapt.cache;

import org.jspecify.annotations.NullMarked;

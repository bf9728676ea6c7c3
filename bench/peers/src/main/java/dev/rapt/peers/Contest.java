// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import dev.rapt.DType;
import dev.rapt.peers.contest.Entrant;
import dev.rapt.peers.contest.Message;
import dev.rapt.peers.contest.Restraint;
import dev.rapt.peers.contest.Session;
import dev.rapt.peers.contest.Shape;
import dev.rapt.peers.contest.Turn;
import dev.rapt.peers.report.CaseResult;
import dev.rapt.peers.report.CaseResult.Origin;
import dev.rapt.peers.report.CaseResult.Peaks;
import dev.rapt.peers.report.CaseResult.Repetition;
import dev.rapt.peers.report.CaseResult.Work;
import dev.rapt.peers.report.Figure;
import dev.rapt.peers.report.Figure.Outcome;
import dev.rapt.peers.report.Figure.Runner;
import dev.rapt.peers.report.Figure.Timing;
import dev.rapt.peers.report.Figure.Verdict;
import dev.rapt.peers.report.Spread;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/**
 * One shape over all worlds. Rounds go through the worlds in turn, forwards and backwards, so that
 * a change of the machine's speed hits all alike; ratios are taken within one world and one round.
 */
final class Contest {
  private static final double TURN_SECONDS = 0.1;
  private static final int LEAST_ROUNDS = 3;
  private static final int MOST_ROUNDS = 30;

  /** A peer whose one call takes more than this share of the case's time is timed once. */
  private static final double SLOW_SHARE = 0.2;

  private final Path bench;
  private final String commit;
  private final double seconds;
  private final Restraint restraint;
  private final Map<String, String> kernels = new LinkedHashMap<>();

  /**
   * @param bench the native benchmark, for the ceilings
   * @param seconds that the rounds of a case may take, about
   * @param restraint what the workers are held to: the ceilings are too
   */
  Contest(Path bench, String commit, double seconds, Restraint restraint) {
    this.bench = bench;
    this.commit = commit;
    this.seconds = seconds;
    this.restraint = restraint;
  }

  /** One process's part: who takes part in it, who is timed, and what was measured, by round. */
  private static final class Group {
    final WorkerProcess worker;
    final List<Entrant> entrants;
    final List<String> timed = new ArrayList<>();
    final Map<String, Double> single = new LinkedHashMap<>();
    final Map<String, List<double[]>> rounds = new LinkedHashMap<>();

    Group(WorkerProcess worker, List<Entrant> entrants) {
      this.worker = worker;
      this.entrants = entrants;
    }

    List<String> ready() {
      return entrants.stream().filter(Entrant::isReady).map(Entrant::name).toList();
    }

    /** Without Rapt there is nothing to take ratios with. */
    boolean isTimed() {
      return timed.contains(Session.RAPT);
    }
  }

  CaseResult run(List<WorkerProcess> workers, Shape shape, DType dtype, int threads)
      throws IOException {
    for (WorkerProcess worker : workers) {
      worker.send(new Message.Prepare(shape, dtype, threads));
    }
    List<Group> groups = new ArrayList<>();
    int copies = 1;
    for (WorkerProcess worker : workers) {
      Message.Prepared prepared = worker.reply(Message.Prepared.class);
      groups.add(new Group(worker, prepared.entrants()));
      copies = prepared.copies();
      kernels.put(worker.world().id(), prepared.kernels());
    }
    double round = firstRound(groups);
    int rounds = Math.clamp(Math.round(seconds / round), LEAST_ROUNDS, MOST_ROUNDS);
    try (Ceilings ceilings = new Ceilings(bench, threads, restraint)) {
      for (int i = 0; i < rounds; i++) {
        quiet();
        ceilings.read();
        timedRound(groups, i % 2 == 1);
      }
      ceilings.measureAgain();
      Work work = new Work(shape.flops(), shape.bytes(dtype.bytes()));
      Least least = Least.of(shape, work, ceilings);
      return new CaseResult(
          shape,
          dtype,
          threads,
          new Origin(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), commit),
          new Peaks(ceilings.gflops(), ceilings.gbps()),
          work,
          new Repetition(copies, rounds),
          figures(groups, least));
    }
  }

  /** Which instructions the libraries of each world said they take, in the last case it was in. */
  Map<String, String> kernels() {
    return Collections.unmodifiableMap(kernels);
  }

  private static List<Figure> figures(List<Group> groups, Least least) {
    List<Figure> figures = new ArrayList<>();
    for (Group group : groups) {
      for (Entrant entrant : group.entrants) {
        // Rapt was not asked to run where it would have been alone.
        if (!entrant.isReady() || !entrant.name().equals(Session.RAPT) || group.isTimed()) {
          figures.add(figure(group, entrant, least));
        }
      }
    }
    return figures;
  }

  /** Whoever ran last may still be spinning. */
  private static void quiet() {
    try {
      Thread.sleep(Turn.PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** One call each: says what a round takes, and who is too slow for more. */
  private double firstRound(List<Group> groups) throws IOException {
    // A world with nobody but Rapt would only make everyone wait, unless all are like that.
    List<Group> contests = groups.stream().filter(group -> group.ready().size() > 1).toList();
    double round = 0;
    for (Group group : contests.isEmpty() ? groups.subList(0, 1) : contests) {
      for (Map.Entry<String, double[]> call : ask(group, group.ready(), false).entrySet()) {
        double time = call.getValue()[0];
        if (time > SLOW_SHARE * seconds && !call.getKey().equals(Session.RAPT)) {
          group.single.put(call.getKey(), time);
        } else {
          group.timed.add(call.getKey());
          round += Math.max(TURN_SECONDS, 2 * time);
        }
      }
    }
    return round;
  }

  private void timedRound(List<Group> groups, boolean reverse) throws IOException {
    List<Group> order = new ArrayList<>(groups);
    if (reverse) {
      Collections.reverse(order);
    }
    for (Group group : order) {
      if (group.isTimed()) {
        ask(group, group.timed, reverse)
            .forEach(
                (name, samples) ->
                    group.rounds.computeIfAbsent(name, key -> new ArrayList<>()).add(samples));
      }
    }
  }

  private static Map<String, double[]> ask(Group group, List<String> names, boolean reverse)
      throws IOException {
    group.worker.send(new Message.Round(names, reverse, TURN_SECONDS));
    return group.worker.reply(Message.Timed.class).samples();
  }

  private static Figure figure(Group group, Entrant entrant, Least least) {
    Double difference = Double.isNaN(entrant.difference()) ? null : entrant.difference();
    List<double[]> rounds = group.rounds.get(entrant.name());
    Double single = group.single.get(entrant.name());
    Outcome outcome = Outcome.TIMED;
    String reason = entrant.reason();
    Timing timing = Timing.NONE;
    if (rounds != null) {
      double[] all = rounds.stream().flatMapToDouble(DoubleStream::of).toArray();
      Spread time = Spread.of(all);
      Spread ratio =
          entrant.name().equals(Session.RAPT)
              ? null
              : ratio(rounds, group.rounds.get(Session.RAPT));
      timing = new Timing(all.length, time, ratio, least.share(rounds));
    } else if (single != null) {
      outcome = Outcome.TIMED_ONCE;
      reason = "one call takes too long for more";
      Spread time = new Spread(single, single, single);
      timing = new Timing(1, time, singleRatio(group, single), least.seconds() / single);
    } else if (entrant.status() == Entrant.Status.WRONG) {
      outcome = Outcome.WRONG;
    } else {
      outcome = Outcome.UNSUPPORTED;
      reason = entrant.isReady() ? "not timed, since Rapt's result is wrong" : entrant.reason();
    }
    return new Figure(
        new Runner(entrant.name(), group.worker.world().id(), entrant.detail()),
        new Verdict(outcome, reason, difference),
        timing);
  }

  private static Spread ratio(List<double[]> theirs, List<double[]> ours) {
    double[] ratios = new double[theirs.size()];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = Spread.of(theirs.get(i)).median() / Spread.of(ours.get(i)).median();
    }
    return Spread.of(ratios);
  }

  private static Spread singleRatio(Group group, double time) {
    List<double[]> ours = group.rounds.get(Session.RAPT);
    Double once = ours == null ? null : Spread.of(ours.getFirst()).median();
    return once == null ? null : new Spread(time / once, time / once, time / once);
  }
}

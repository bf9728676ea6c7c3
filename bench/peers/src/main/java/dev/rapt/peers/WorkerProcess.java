// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rapt.peers.contest.Message;
import dev.rapt.peers.contest.Restraint;
import dev.rapt.peers.contest.Worker;
import dev.rapt.peers.contest.World;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** A world's process, on this JVM's Java and class path. */
final class WorkerProcess implements AutoCloseable {
  private static final int END_SECONDS = 10;

  /** Where JavaCPP unpacks libtorch's libraries; the launcher sets it. */
  private static final String UNPACKED_PROPERTY = "org.bytedeco.javacpp.cachedir";

  private static final Predicate<String> TUNING =
      Pattern.compile("(OPENBLAS|MKL|OMP|KMP|GOMP|ATEN|TORCH|ORT|DNNL|ONEDNN)_.*")
          .asMatchPredicate();

  private final World world;
  private final Process process;
  private final BufferedWriter requests;
  private final BufferedReader replies;
  private final ObjectMapper json = new ObjectMapper();

  WorkerProcess(World world, int threads, Terms terms) throws IOException {
    this.world = world;
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(world.jvmFlags(terms.restraint(), terms.onnxRuntime()));
    String unpacked = System.getProperty(UNPACKED_PROPERTY);
    if (unpacked != null) {
      // Apart for each world: beside the libraries lie links to the BLAS that was loaded.
      command.add("-D" + UNPACKED_PROPERTY + "=" + Path.of(unpacked, world.id()));
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(Worker.class.getName(), world.id()));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    tune(builder.environment(), world, threads, terms.restraint());
    process = builder.start();
    requests =
        new BufferedWriter(
            new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    replies =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** What a shell happens to hold for other programs must not slow a peer down. */
  static void tune(Map<String, String> environment, World world, int threads, Restraint restraint) {
    environment.keySet().removeIf(TUNING);
    environment.putAll(world.environment(threads));
    environment.putAll(restraint.environment());
  }

  World world() {
    return world;
  }

  /** Sends a request whose reply {@link #reply} waits for. */
  void send(Message request) throws IOException {
    requests.write(json.writeValueAsString(request));
    requests.newLine();
    requests.flush();
  }

  /**
   * The reply to the oldest request without one.
   *
   * @throws IOException where the process failed or is gone
   */
  <T extends Message> T reply(Class<T> type) throws IOException {
    String line = replies.readLine();
    if (line == null) {
      throw new IOException("the process of " + world.id() + " has ended");
    }
    Message message = json.readValue(line, Message.class);
    if (message instanceof Message.Failed failed) {
      throw new IOException("the process of " + world.id() + " failed: " + failed.reason());
    }
    return type.cast(message);
  }

  /** Ends the process: its requests end, and so does it. */
  @Override
  public void close() throws IOException {
    requests.close();
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** The main class of a world's process: obeys the lines of its standard input until they end. */
public final class Worker {
  private final World world;
  private Session session;

  private Worker(World world) {
    this.world = world;
  }

  /**
   * Runs a world.
   *
   * @param arguments the world's id
   */
  public static void main(String[] arguments) throws IOException {
    PrintStream replies = System.out;
    // What libraries print must not get between the replies.
    System.setOut(System.err);
    ObjectMapper json = new ObjectMapper();
    Worker worker = new Worker(World.of(arguments[0]));
    try (BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = requests.readLine(); line != null; line = requests.readLine()) {
        Message reply = worker.obey(json.readValue(line, Message.class));
        replies.println(json.writeValueAsString(reply));
        replies.flush();
      }
    }
    worker.end();
  }

  private Message obey(Message request) {
    try {
      return switch (request) {
        case Message.Prepare prepare -> {
          end();
          session = new Session(world, prepare.shape(), prepare.dtype(), prepare.threads());
          yield new Message.Prepared(session.entrants(), session.copies(), Kernels.of(world));
        }
        case Message.Round round ->
            new Message.Timed(session.round(round.only(), round.reverse(), round.seconds()));
        default -> new Message.Failed("a worker cannot obey " + request);
      };
    } catch (RuntimeException | Error e) {
      return new Message.Failed(e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Message.Failed("interrupted");
    }
  }

  private void end() {
    if (session != null) {
      session.close();
      session = null;
    }
  }
}

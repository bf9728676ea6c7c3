// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import dev.rapt.Capabilities;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;

/**
 * Where figures come from.
 *
 * @param cpu as the processor names itself
 * @param logicalCpus of the process
 * @param system operating system and architecture
 * @param java version
 * @param peers the peers' jars, which carry their versions
 */
public record Machine(String cpu, int logicalCpus, String system, String java, List<String> peers) {

  private static final List<String> PEER_CLASSES =
      List.of(
          "org.bytedeco.pytorch.global.torch",
          "org.bytedeco.mkl.global.mkl_rt",
          "org.bytedeco.openblas.global.openblas_nolapack",
          "ai.onnxruntime.OrtEnvironment");

  /** This machine, with the peers of this class path. */
  public static Machine here() {
    Capabilities capabilities = Capabilities.probe();
    String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    return new Machine(
        capabilities.cpu().name(),
        capabilities.cpu().logicalCpus(),
        system,
        Runtime.version().toString(),
        peerJars());
  }

  private static List<String> peerJars() {
    List<String> jars = new ArrayList<>();
    for (String name : PEER_CLASSES) {
      try {
        // Not initialised: that would load native libraries into this process.
        Class<?> type = Class.forName(name, false, Machine.class.getClassLoader());
        CodeSource source = type.getProtectionDomain().getCodeSource();
        jars.add(Path.of(source.getLocation().getPath()).getFileName().toString());
      } catch (ClassNotFoundException e) {
        throw new IllegalStateException("the class path lacks " + name, e);
      }
    }
    return jars;
  }
}

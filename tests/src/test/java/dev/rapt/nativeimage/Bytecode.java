// SPDX-License-Identifier: Apache-2.0
package dev.rapt.nativeimage;

import dev.rapt.Attention;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeInstruction;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/** Every call in the library's jar, read from its class files: none hides from that. */
final class Bytecode {
  /**
   * A call.
   *
   * @param caller the class that calls, as Class.forName takes it
   * @param owner the class that is called, likewise
   * @param method the name of the method that is called
   */
  record Call(String caller, String owner, String method) {}

  private Bytecode() {}

  /** The jar that the library's classes come from. */
  static Path library() {
    try {
      return Path.of(Attention.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException impossible) {
      throw new AssertionError(impossible);
    }
  }

  static List<Call> calls() throws IOException {
    List<Call> calls = new ArrayList<>();
    try (JarFile jar = new JarFile(library().toFile())) {
      for (JarEntry entry : jar.stream().filter(e -> e.getName().endsWith(".class")).toList()) {
        try (InputStream stream = jar.getInputStream(entry)) {
          collect(ClassFile.of().parse(stream.readAllBytes()), calls);
        }
      }
    }
    return calls;
  }

  private static void collect(ClassModel model, List<Call> calls) {
    String caller = binaryName(model.thisClass().asInternalName());
    for (MethodModel method : model.methods()) {
      for (CodeElement element : method.code().map(CodeModel::elementList).orElse(List.of())) {
        if (element instanceof InvokeInstruction invoke) {
          String owner = binaryName(invoke.owner().asInternalName());
          calls.add(new Call(caller, owner, invoke.name().stringValue()));
        }
      }
    }
  }

  private static String binaryName(String internalName) {
    return internalName.replace('/', '.');
  }
}

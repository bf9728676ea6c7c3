// SPDX-License-Identifier: Apache-2.0
package dev.rapt.nativeimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A shape of call into C, as Native Image asks for it: functions of one shape share an entry.
 *
 * @param returnType a C type
 * @param parameterTypes C types
 * @param firstVariadicArg the index of the first argument that takes the place of "..."; −1 without
 */
record Downcall(String returnType, List<String> parameterTypes, int firstVariadicArg)
    implements Comparable<Downcall> {
  /** C types that mean the same on every platform: Windows' long is shorter than ours. */
  private static final List<String> TYPES =
      List.of("bool", "char", "short", "int", "long long", "float", "double", "void*");

  private static final Map<String, MemoryLayout> CANONICAL =
      Linker.nativeLinker().canonicalLayouts();

  /** The shapes of all downcalls that the library makes. */
  static TreeSet<Downcall> derive(List<Bytecode.Call> calls) throws ReflectiveOperationException {
    TreeSet<Downcall> found = new TreeSet<>();
    for (String binding : callersOf(calls, "java.lang.foreign.Linker", "downcallHandle")) {
      FunctionDescriptor fixed = (FunctionDescriptor) constant(binding, "DESC");
      if (fixed != null) {
        found.add(of(fixed, -1));
        continue;
      }
      FunctionDescriptor base = (FunctionDescriptor) constant(binding, "BASE_DESC");
      assertTrue(base != null, binding + " makes a downcall whose shape this test cannot read");
      for (String user : callersOf(calls, binding, "makeInvoker")) {
        addVariadic(base, user, calls, found);
      }
    }
    return found;
  }

  private static TreeSet<String> callersOf(List<Bytecode.Call> calls, String owner, String method) {
    return calls.stream()
        .filter(call -> call.owner().equals(owner) && call.method().equals(method))
        .map(Bytecode.Call::caller)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The user's constants of type MethodHandle are the function with so many arguments more. */
  private static void addVariadic(
      FunctionDescriptor base, String user, List<Bytecode.Call> calls, TreeSet<Downcall> found)
      throws ReflectiveOperationException {
    long functions =
        calls.stream()
            .filter(call -> call.caller().equals(user) && call.method().equals("makeInvoker"))
            .map(Bytecode.Call::owner)
            .distinct()
            .count();
    assertEquals(1, functions, user + ": this test does not know which handle is which function");
    int fixed = base.argumentLayouts().size();
    int before = found.size();
    for (Field field : Class.forName(user).getDeclaredFields()) {
      if (field.getType() != MethodHandle.class || !Modifier.isStatic(field.getModifiers())) {
        continue;
      }
      field.setAccessible(true);
      List<Class<?>> more =
          ((MethodHandle) field.get(null)).type().parameterList().stream().skip(fixed).toList();
      assertTrue(more.stream().allMatch(MemorySegment.class::equals), field + " takes " + more);
      MemoryLayout[] pointers = new MemoryLayout[more.size()];
      Arrays.fill(pointers, rapt_h.C_POINTER);
      found.add(of(base.appendArgumentLayouts(pointers), fixed));
    }
    assertTrue(found.size() > before, user + " keeps the handles elsewhere than in constants");
  }

  private static Object constant(String owner, String name) throws ReflectiveOperationException {
    Class<?> binding = Class.forName(owner);
    for (Field field : binding.getDeclaredFields()) {
      if (field.getName().equals(name)) {
        field.setAccessible(true);
        return field.get(null);
      }
    }
    return null;
  }

  private static Downcall of(FunctionDescriptor descriptor, int firstVariadicArg) {
    return new Downcall(
        descriptor.returnLayout().map(Downcall::type).orElse("void"),
        descriptor.argumentLayouts().stream().map(Downcall::type).toList(),
        firstVariadicArg);
  }

  private static String type(MemoryLayout layout) {
    MemoryLayout plain =
        layout instanceof AddressLayout address ? address.withoutTargetLayout() : layout;
    return TYPES.stream()
        .filter(name -> unnamed(CANONICAL.get(name)).equals(unnamed(plain)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no C type for " + layout));
  }

  private static MemoryLayout unnamed(MemoryLayout layout) {
    MemoryLayout plain =
        layout instanceof AddressLayout address ? address.withoutTargetLayout() : layout;
    return plain instanceof ValueLayout value ? value.withoutName() : plain;
  }

  /** One line of JSON. */
  String json() {
    String parameters =
        parameterTypes.stream().map(type -> '"' + type + '"').collect(Collectors.joining(", "));
    String options =
        firstVariadicArg < 0
            ? ""
            : ", \"options\": {\"firstVariadicArg\": " + firstVariadicArg + "}";
    return "{\"returnType\": \""
        + returnType
        + "\", \"parameterTypes\": ["
        + parameters
        + "]"
        + options
        + "}";
  }

  @Override
  public int compareTo(Downcall other) {
    return json().compareTo(other.json());
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.internal.ffi.rapt_h;
import java.io.IOException;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The committed bindings have every function and constant of the headers, no others. Where this
 * fails, scripts/regenerate-bindings has not been run since a header changed.
 */
class BindingsTest {
  @Test
  void everyFunctionWithItsParameters() throws IOException {
    Map<String, Integer> declared = new TreeMap<>();
    Matcher matcher =
        Pattern.compile("RAPT_API [^(]*?(rapt_\\w+)\\(([^)]*)\\);").matcher(Headers.code());
    while (matcher.find()) {
      String parameters = matcher.group(2).strip();
      declared.put(matcher.group(1), parameters.equals("void") ? 0 : parameters.split(",").length);
    }
    Map<String, Integer> bound = new TreeMap<>();
    for (Method method : rapt_h.class.getDeclaredMethods()) {
      if (method.getName().matches("rapt_[a-z_]+")) {
        bound.put(method.getName(), method.getParameterCount());
      }
    }
    for (Class<?> variadic :
        rapt_h.class.getClasses()) { // a function whose last parameter is "..."
      for (Method method : variadic.getDeclaredMethods()) {
        if (method.getName().equals("apply")) {
          bound.put(variadic.getSimpleName(), method.getParameterCount());
        }
      }
    }
    assertEquals(declared, bound);
    assertTrue(declared.size() > 15, declared.toString());
  }

  @Test
  void everyConstantWithItsValue() throws ReflectiveOperationException, IOException {
    Map<String, Integer> declared = new TreeMap<>();
    Matcher matcher =
        Pattern.compile("\\b(RAPT_[A-Z0-9_]+)(?: = |[ \\t]+)(-?\\d+)\\b").matcher(Headers.code());
    while (matcher.find()) {
      declared.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
    }
    Map<String, Integer> bound = new TreeMap<>();
    for (Method method : rapt_h.class.getDeclaredMethods()) {
      if (method.getName().matches("RAPT_[A-Z0-9_]+")) {
        bound.put(method.getName(), (Integer) method.invoke(null));
      }
    }
    assertEquals(declared, bound);
    assertTrue(declared.size() > 20, declared.toString());
  }
}

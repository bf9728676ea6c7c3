// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.natives.AbiProbe;
import dev.rapt.internal.natives.NativeLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The committed bindings, the headers and the library agree on every struct. */
class StructLayoutTest {
  @BeforeAll
  static void load() {
    NativeLibrary.require();
  }

  @Test
  void versionsAgree() {
    assertEquals(rapt_h.RAPT_ABI_VERSION(), rapt_h.rapt_abi_version());
  }

  @Test
  void everySizeAndOffsetAgrees() {
    int fields = 0;
    try (Arena arena = Arena.ofConfined()) {
      for (MemoryLayout struct : AbiProbe.structs()) {
        String name = struct.name().orElseThrow();
        MemorySegment nativeName = arena.allocateFrom(name);
        assertEquals(struct.byteSize(), rapt_h.rapt_struct_size(nativeName), name);
        fields += compare(arena, nativeName, name, "", (GroupLayout) struct, 0);
      }
      assertEquals(-1, rapt_h.rapt_struct_size(arena.allocateFrom("rapt_nothing")));
    }
    assertTrue(fields > 150, "only " + fields + " fields compared");
  }

  private static int compare(
      Arena arena,
      MemorySegment struct,
      String structName,
      String prefix,
      GroupLayout layout,
      long base) {
    int fields = 0;
    for (MemoryLayout member : layout.memberLayouts()) {
      if (member.name().isEmpty()) {
        continue; // padding
      }
      String field = prefix + member.name().get();
      long offset = base + layout.byteOffset(PathElement.groupElement(member.name().get()));
      assertEquals(
          offset,
          rapt_h.rapt_field_offset(struct, arena.allocateFrom(field)),
          structName + "." + field);
      fields++;
      if (member instanceof GroupLayout nested) {
        fields += compare(arena, struct, structName, field + ".", nested, offset);
      }
    }
    return fields;
  }

  /** A struct added to a header needs regenerated bindings and a place in the probe. */
  @Test
  void probeKnowsEveryStructOfTheHeaders() throws IOException {
    Matcher matcher = Pattern.compile("typedef struct (rapt_\\w+) \\{").matcher(Headers.text());
    Set<String> declared =
        matcher.results().map(result -> result.group(1)).collect(Collectors.toSet());
    Set<String> probed =
        AbiProbe.structs().stream()
            .map(struct -> struct.name().orElseThrow())
            .collect(Collectors.toSet());
    assertEquals(declared, probed);
  }
}

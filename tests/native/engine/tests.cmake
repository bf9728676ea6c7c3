# SPDX-License-Identifier: Apache-2.0
rapt_native_test(threads_test engine/threads_test.c)
rapt_tsan_test(threads_test threads_test)
rapt_inside_test(affinity_test engine/affinity_test.c)
rapt_inside_test(pool_test engine/pool_test.c)
rapt_tsan_test(pool_test pool_test)
rapt_inside_test(machine_test engine/machine_test.c)
rapt_inside_test(reading_test engine/reading_test.c)
rapt_tsan_test(reading_test reading_test)
rapt_inside_test(quarters_test engine/quarters_test.c)
rapt_inside_test(key_quarters_test engine/key_quarters_test.c)
rapt_inside_test(quota_test engine/quota_test.c)
rapt_inside_test(tiers_test engine/tiers_test.c)
# Sanitizers add code to every unit that runs when it is loaded.
if(RAPT_X86_TIERS AND NOT RAPT_SANITIZE)
  set(objects $<TARGET_OBJECTS:rapt_objects> $<TARGET_OBJECTS:rapt_common>)
  if(TARGET rapt-bench)
    list(APPEND objects $<TARGET_OBJECTS:rapt-bench>)
  endif()
  add_test(NAME tier_units
    COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DOBJDUMP=${CMAKE_OBJDUMP} "-DOBJECTS=$<JOIN:${objects},$<COMMA>>"
            -P ${CMAKE_CURRENT_SOURCE_DIR}/engine/tier_units.cmake)
endif()

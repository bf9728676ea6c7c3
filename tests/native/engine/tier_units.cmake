# SPDX-License-Identifier: Apache-2.0
# Looks at the compiled objects: nothing that is compiled for one instruction set can run before that set was detected.
#
#  - A unit compiled for a tier defines no function that another unit could call, and none that runs when the library is
#    loaded: it exports a table of constants.
#  - Every other unit has no instruction beyond x86-64's baseline.
#
# cmake -DNM=... -DOBJDUMP=... -DOBJECTS=A,B,... -P tier_units.cmake
string(REPLACE "," ";" OBJECTS "${OBJECTS}")
set(faults "")
set(tier_units 0)
set(plain_units 0)

function(run output)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text ERROR_VARIABLE problem RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${problem}")
  endif()
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

foreach(object IN LISTS OBJECTS)
  get_filename_component(name "${object}" NAME)
  if(name MATCHES "avx")
    math(EXPR tier_units "${tier_units} + 1")
    run(symbols "${NM}" --defined-only --extern-only "${object}")
    # T, W, i: functions, weak ones and those that choose themselves; data are B, D, R and V.
    string(REGEX MATCHALL "[0-9a-f]+ [TWi] [^\n]+" functions "${symbols}")
    foreach(function IN LISTS functions)
      list(APPEND faults "${name} exports the function ${function}")
    endforeach()
    if(NOT symbols MATCHES "[0-9a-f]+ [DR] ")
      list(APPEND faults "${name} exports no table")
    endif()
    run(sections "${OBJDUMP}" --section-headers "${object}")
    if(sections MATCHES "\\.(preinit_array|init_array|ctors|init)[ .]")
      list(APPEND faults "${name} has code that runs when the library is loaded")
    endif()
  else()
    math(EXPR plain_units "${plain_units} + 1")
    run(code "${OBJDUMP}" --disassemble --no-show-raw-insn "${object}")
    # Every AVX instruction's name starts with v, whichever registers it takes.
    if(code MATCHES "[0-9a-f]+:\t(v[a-z0-9]+ [^\n]*)")
      list(APPEND faults "${name} has an instruction beyond the baseline: ${CMAKE_MATCH_1}")
    endif()
  endif()
endforeach()

if(tier_units EQUAL 0 OR plain_units EQUAL 0)
  list(APPEND faults "${tier_units} units of tiers and ${plain_units} others: there must be some of both")
endif()
foreach(fault IN LISTS faults)
  message(SEND_ERROR "${fault}")
endforeach()
message(STATUS "${tier_units} units of tiers, ${plain_units} others")

# SPDX-License-Identifier: Apache-2.0
# The one C style of native/, tests/native and bench/cli, as far as clang-format leaves it open; the rules are in
# style.awk. ROOT is the repository.
find_program(awk awk REQUIRED)
set(files)
foreach(folder native tests/native bench/cli)
  foreach(ending c h cpp cu cuh)
    file(GLOB_RECURSE found RELATIVE ${ROOT} ${ROOT}/${folder}/*.${ending})
    list(APPEND files ${found})
  endforeach()
endforeach()
execute_process(COMMAND ${awk} -f ${CMAKE_CURRENT_LIST_DIR}/style.awk ${files} ${files} WORKING_DIRECTORY ${ROOT}
                RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "offences against the C style; CONTRIBUTING.md says what it is")
endif()

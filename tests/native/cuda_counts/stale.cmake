# SPDX-License-Identifier: Apache-2.0
# cmake -DROOT=native/cuda -DFOLDER=folder -P stale.cmake: that nothing an earlier build left is counted. keep-report
# throws away the code that it kept of the same object, and configuring what it kept of sources that are gone.
include(${ROOT}/forget-stale.cmake)
file(REMOVE_RECURSE ${FOLDER})
set(objects ${FOLDER}/objects)
set(sources ${FOLDER}/sources)
file(WRITE ${sources}/sdpa/here.cu "")

# A compiler that keeps the code of one architecture and reports a kernel.
file(WRITE ${FOLDER}/compiler "#!/usr/bin/env bash
while [[ $# -gt 0 ]]; do [[ $1 == --keep-dir ]] && kept=$2; shift; done
touch \"$kept/now.sm_90.cubin\" \"$kept/now.ptx\"
echo \"ptxas info    : Used 32 registers\" >&2
")
file(CHMOD ${FOLDER}/compiler PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
foreach(source here gone)
  file(WRITE ${objects}/sdpa/${source}.cu.o.cubins/before.sm_80.cubin "")
  execute_process(COMMAND ${ROOT}/keep-report ${FOLDER}/compiler -o ${objects}/sdpa/${source}.cu.o
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()

function(expect what)
  file(GLOB_RECURSE kept RELATIVE ${objects} ${objects}/*)
  list(SORT kept)
  if(NOT "${kept}" STREQUAL "${ARGN}")
    message(FATAL_ERROR "${what} leaves ${kept} instead of ${ARGN}")
  endif()
endfunction()

set(here sdpa/here.cu.o.cubins/now.sm_90.cubin sdpa/here.cu.o.ptxas.txt)
set(gone sdpa/gone.cu.o.cubins/now.sm_90.cubin sdpa/gone.cu.o.ptxas.txt)
expect("a second compilation" ${gone} ${here})
rapt_forget_stale(${objects} ${sources})
expect("configuring" ${here})
file(REMOVE_RECURSE ${FOLDER})

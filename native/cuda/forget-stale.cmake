# SPDX-License-Identifier: Apache-2.0
# Removes what keep-report kept of sources that are gone or have another name: tests would count those kernels, too.
# `objects` is the folder of the objects, whose paths there are those of their sources in `sources`.
function(rapt_forget_stale objects sources)
  file(GLOB_RECURSE reports RELATIVE ${objects} ${objects}/*.o.ptxas.txt)
  foreach(report ${reports})
    string(REGEX REPLACE "\\.o\\.ptxas\\.txt$" "" source ${report})
    if(NOT EXISTS ${sources}/${source})
      file(REMOVE_RECURSE ${objects}/${report} ${objects}/${source}.o.cubins)
    endif()
  endforeach()
endfunction()

# SPDX-License-Identifier: Apache-2.0
# Decides whether the CUDA plug-in is built, sets RAPT_BUILD_CUDA and enables the language.
set(RAPT_BUILD_CUDA OFF)

# Real code for Ampere, which its successors of major version 8 run too, and for Hopper with its own instructions; PTX
# for everything else, which the driver compiles when the first context is made. Code for Blackwell's cards (12.x) is
# added source by source, see native/cuda/CMakeLists.txt.
set(RAPT_CUDA_ARCHITECTURES "80-real;90a-real;90-virtual" CACHE STRING "Architectures of the CUDA plug-in")
set(RAPT_CUDA_LEAST_TOOLKIT 12.8)

if(RAPT_CUDA STREQUAL "OFF")
  rapt_left_out("CUDA plug-in" "RAPT_CUDA is OFF")
  return()
endif()

find_program(RAPT_NVCC nvcc HINTS ENV CUDACXX PATHS /usr/local/cuda/bin)
if(NOT RAPT_NVCC)
  set(reason "nvcc was not found")
elseif(NOT CMAKE_CXX_COMPILER)
  set(reason "there is no C++ compiler")
else()
  # Tried in a project of its own first: an nvcc that does not work must not stop the rest.
  set(ENV{CUDACXX} ${RAPT_NVCC})
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES ${RAPT_CUDA_ARCHITECTURES})
    enable_language(CUDA)
    find_package(CUDAToolkit QUIET)
  endif()
  set(reason "")
  if(NOT CMAKE_CUDA_COMPILER)
    set(reason "${RAPT_NVCC} does not compile a test program")
  elseif(NOT TARGET CUDA::cudart_static)
    set(reason "the toolkit of ${RAPT_NVCC} has no static CUDA runtime")
  elseif(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS RAPT_CUDA_LEAST_TOOLKIT)
    set(reason "${RAPT_NVCC} is ${CMAKE_CUDA_COMPILER_VERSION}, older than ${RAPT_CUDA_LEAST_TOOLKIT}")
  endif()
endif()

if(reason STREQUAL "")
  set(RAPT_BUILD_CUDA ON)
  message(STATUS "CUDA plug-in: built with nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${RAPT_CUDA_ARCHITECTURES} and sm_120")
elseif(RAPT_CUDA STREQUAL "ON")
  message(FATAL_ERROR "RAPT_CUDA is ON, but ${reason}")
else()
  rapt_left_out("CUDA plug-in" "${reason}")
endif()

# SPDX-License-Identifier: Apache-2.0
# rapt_old_glibc(TARGET): the shared library loads on glibc 2.28 and newer (the level of manylinux_2_28), whatever the
# glibc here. A linker takes the newest version of a symbol, and most functions of threads and loading got a new one when
# they moved into libc.so.6 (2.34), some of libm when they lost an error handler (2.29). So the library is linked with
# empty libraries that have those symbols' names and versions as they are in 2.28. When it is loaded, today's glibc
# answers to them, as it does for every program of that time. The tests house_symbols_* look at the result.
set(RAPT_OLDEST_GLIBC 2.28)

# rapt_old_library(SONAME VERSION symbol... [VERSION symbol...]...)
function(rapt_old_library soname)
  set(source "")
  set(map "")
  foreach(word ${ARGN})
    if(word MATCHES "^GLIBC_")
      string(APPEND map "} ;\n${word} { global:")
    else()
      string(APPEND source "void ${word}(void) {}\n")
      string(APPEND map " ${word};")
    endif()
  endforeach()
  string(REGEX REPLACE "^} ;\n" "" map "${map} };\n")
  set(folder ${CMAKE_BINARY_DIR}/old-glibc)
  file(WRITE ${folder}/${soname}.c "${source}")
  file(WRITE ${folder}/${soname}.map "${map}")
  string(MAKE_C_IDENTIFIER "rapt_old_${soname}" target)
  add_library(${target} SHARED ${folder}/${soname}.c)
  set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${folder} OUTPUT_NAME ${soname} PREFIX "" SUFFIX ""
                                             NO_SONAME ON C_VISIBILITY_PRESET default)
  target_compile_options(${target} PRIVATE -w)
  target_link_options(${target} PRIVATE -nostdlib -Wl,-soname,${soname} -Wl,--version-script=${folder}/${soname}.map)
  set_property(GLOBAL APPEND PROPERTY RAPT_OLD_LIBRARIES ${target})
endfunction()

if(RAPT_SANITIZE OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  # A sanitizer's runtime is of this machine's age, and other processors have other versions.
  function(rapt_old_glibc target)
  endfunction()
  return()
endif()

function(rapt_old_glibc target)
  get_property(libraries GLOBAL PROPERTY RAPT_OLD_LIBRARIES)
  add_dependencies(${target} ${libraries})
  foreach(library ${libraries})
    # As an option: for a library CMake would tell the loader where it lies.
    target_link_libraries(${target} PRIVATE -Wl,$<TARGET_FILE:${library}>)
  endforeach()
endfunction()

# A linker takes one library of a soname, and the real libm is needed too: the compiler names the versions of these. The
# functions compute the same.
set(source "")
foreach(name exp exp2 log)
  string(APPEND source "__asm__(\".symver ${name},${name}@GLIBC_2.2.5\");\n")
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/old-glibc/math.h "${source}")
add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-include$<SEMICOLON>${CMAKE_BINARY_DIR}/old-glibc/math.h>)

rapt_old_library(libdl.so.2 GLIBC_2.2.5 dladdr dlclose dlerror dlopen dlsym dlvsym GLIBC_2.3.4 dlmopen)
rapt_old_library(librt.so.1 GLIBC_2.2.5 shm_open shm_unlink)
rapt_old_library(
  libpthread.so.0
  GLIBC_2.2.5
  __pthread_key_create pthread_condattr_setpshared pthread_create pthread_detach pthread_getspecific pthread_join
  pthread_key_create pthread_key_delete pthread_kill pthread_mutex_trylock pthread_mutexattr_destroy
  pthread_mutexattr_init pthread_mutexattr_setpshared pthread_mutexattr_settype pthread_once pthread_rwlock_destroy
  pthread_rwlock_init pthread_rwlock_rdlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock
  pthread_rwlock_tryrdlock pthread_rwlock_trywrlock pthread_rwlock_unlock pthread_rwlock_wrlock
  pthread_rwlockattr_destroy pthread_rwlockattr_init pthread_rwlockattr_setpshared pthread_setspecific pthread_sigmask
  pthread_spin_destroy pthread_spin_init pthread_spin_lock pthread_spin_trylock pthread_spin_unlock sem_destroy
  sem_init sem_post sem_timedwait sem_trywait sem_wait
  GLIBC_2.3.4
  pthread_setaffinity_np)

// SPDX-License-Identifier: Apache-2.0
// What gcc's static libraries take from glibc, and what only a glibc newer than 2.28 has. In the plug-in alone, which
// is to load where librapt.so does.

extern "C" {

// Whether the process has one thread, so that libstdc++ may do without atomic operations (glibc 2.32): it may not.
extern const char __libc_single_threaded;
const char __libc_single_threaded = 0;

// Where the unwinder finds the frames of an address (glibc 2.35): nowhere. Nothing here catches an exception, so that
// one ends the program either way, as std::terminate does.
int _dl_find_object(void *, void *);
int _dl_find_object(void *, void *) { return -1; }
}

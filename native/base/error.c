// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <locale.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

// Numbers are written as in C, 0.5, whatever locale the caller has set for its process or thread.
static void write_message(char *out, size_t size, const char *format, va_list arguments) {
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), callers = (locale_t)0;
  if (plain != (locale_t)0) callers = uselocale(plain);
  vsnprintf(out, size, format, arguments);
  if (plain == (locale_t)0) return;
  uselocale(callers);
  freelocale(plain);
}

rapt_status rapt_fail(rapt_error *error, rapt_status status, const char *format, ...) {
  // The struct may be of an older, shorter version: the message is cut where it ends.
  const int64_t header = offsetof(rapt_error, message);
  if (error == NULL || error->struct_size < header) return status;
  error->status = status;
  error->device_code = 0;
  int64_t room = error->struct_size - header;
  if (room > (int64_t)sizeof error->message) room = (int64_t)sizeof error->message;
  va_list arguments;
  va_start(arguments, format);
  write_message(error->message, (size_t)room, format, arguments);
  va_end(arguments);
  return status;
}

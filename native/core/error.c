// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

rapt_status rapt_fail(rapt_error *error, rapt_status status, const char *format, ...) {
  int64_t room = error == NULL ? 0 : error->struct_size - (int64_t)offsetof(rapt_error, message);
  if (room <= 0) return status;
  if (room > (int64_t)sizeof error->message) room = (int64_t)sizeof error->message;
  error->status = status;
  error->device_code = 0;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, (size_t)room, format, arguments);
  va_end(arguments);
  return status;
}

/* Writes to a descriptor without ever waiting for who reads it; binding.ts describes it. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_descriptor(napi_env env, napi_value value, int *descriptor, mode_t *type) {
  int32_t given;
  struct stat status;
  CHECK(napi_get_value_int32(env, value, &given));
  *descriptor = given;
  *type = fstat(given, &status) == 0 ? status.st_mode & S_IFMT : 0;
  return true;
}

/*
 * Whether a write waits is a property of what is open, which the processes share that inherited it: so a pipe and a
 * terminal are opened once more. Of a pipe that another user made, which cannot be, they all share that no write waits.
 */
static int open_again(int descriptor, mode_t type) {
  char path[64];
  if (type != S_IFIFO && type != S_IFCHR) return descriptor;
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  const int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own >= 0) return own;
  const int flags = fcntl(descriptor, F_GETFL);
  if (type == S_IFIFO && flags >= 0) fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  return descriptor;
}

/* openOutput(descriptor): descriptor */
static napi_value open_output(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  size_t count = 1;
  int descriptor;
  mode_t type;
  CHECK(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  if (!read_descriptor(env, argument, &descriptor, &type)) return NULL;
  CHECK(napi_create_int32(env, open_again(descriptor, type), &result));
  return result;
}

/* write(descriptor, bytes): how many were written */
static napi_value write_now(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  size_t count = 2, length;
  int descriptor;
  mode_t type;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!read_descriptor(env, arguments[0], &descriptor, &type)) return NULL;
  const void *bytes = bytes_of(env, arguments[1], &length);
  if (bytes == NULL) return NULL;
  ssize_t written;
  do {
    written = type == S_IFSOCK ? send(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL)
                               : write(descriptor, bytes, length);
  } while (written < 0 && errno == EINTR);
  CHECK(napi_create_int64(env, written < 0 ? 0 : written, &result));
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"openOutput", NULL, open_output, NULL, NULL, NULL, napi_enumerable, NULL},
      {"write", NULL, write_now, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  EXPORT(functions);
  return exports;
}

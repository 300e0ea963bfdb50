/* What all addons do with the statuses of Node-API, and with what JavaScript gives them. */
#ifndef VANTAGE_CALLS_H
#define VANTAGE_CALLS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Whether the call succeeded. If not, an exception is pending. */
static inline bool succeeded(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  const napi_extended_error_info *failure;
  const char *message = NULL;
  bool pending = false;
  if (napi_get_last_error_info(env, &failure) == napi_ok) message = failure->error_message;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, NULL, message == NULL ? "Node-API fails" : message);
  return false;
}

/* Leaves the function, with NULL, false or 0, when a call fails. */
#define CHECK(call)                        \
  do {                                     \
    if (!succeeded(env, (call))) return 0; \
  } while (0)

static inline void *out_of_memory(napi_env env) {
  napi_throw_error(env, NULL, "out of memory");
  return NULL;
}

static inline void *refuse(napi_env env, const char *what) {
  napi_throw_range_error(env, NULL, what);
  return NULL;
}

/* The text in UTF-8, with a NUL behind it, for the caller to free. On failure NULL, and a pending exception. */
static inline char *text_of(napi_env env, napi_value value, size_t *length) {
  CHECK(napi_get_value_string_utf8(env, value, NULL, 0, length));
  char *text = malloc(*length + 1);
  if (text == NULL) return out_of_memory(env);
  if (succeeded(env, napi_get_value_string_utf8(env, value, text, *length + 1, length))) return text;
  free(text);
  return NULL;
}

/* The items of a typed array of that type, never NULL. NULL, and an exception, for anything else. */
static inline void *items_of(napi_env env, napi_value array, napi_typedarray_type type, size_t *count) {
  /* An empty array has no address. */
  static double nothing;
  napi_typedarray_type found;
  void *items = NULL;
  CHECK(napi_get_typedarray_info(env, array, &found, count, &items, NULL, NULL));
  if (found != type) return refuse(env, "a typed array of another type");
  return items == NULL ? (void *)&nothing : items;
}

/* The bytes of a Buffer, never NULL. NULL, and an exception, for anything else. */
static inline void *bytes_of(napi_env env, napi_value buffer, size_t *length) {
  static char nothing;
  void *bytes = NULL;
  CHECK(napi_get_buffer_info(env, buffer, &bytes, length));
  return bytes == NULL ? &nothing : bytes;
}

/* What an external holds that was tagged so. NULL, and an exception, for anything else. */
static inline void *held_by(napi_env env, napi_value external, const napi_type_tag *tag) {
  bool tagged = false;
  void *held = NULL;
  napi_valuetype type;
  CHECK(napi_typeof(env, external, &type));
  if (type == napi_external) CHECK(napi_check_object_type_tag(env, external, tag, &tagged));
  if (!tagged) return refuse(env, "not a handle of this kind");
  CHECK(napi_get_value_external(env, external, &held));
  return held;
}

/* Makes `functions` the addon's. */
#define EXPORT(functions) \
  CHECK(napi_define_properties(env, exports, sizeof(functions) / sizeof(functions)[0], functions))

#endif

/* What JavaScript sees of producer.c; binding.ts describes it. */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producer.h"

/* A producer and its way back into JavaScript; NULL once it is closed. It lives for as long as JavaScript knows it. */
typedef struct {
  producer *producer;
  bool closing;
  napi_threadsafe_function to_js;
} handle;

/* The rest of a callback is skipped once an exception is pending. */
#define CHECK(call)                                                          \
  do {                                                                       \
    if ((call) != napi_ok) {                                                 \
      const napi_extended_error_info *failure;                               \
      napi_get_last_error_info(env, &failure);                               \
      bool pending;                                                          \
      napi_is_exception_pending(env, &pending);                              \
      if (!pending) napi_throw_error(env, NULL, failure->error_message);     \
      return NULL;                                                           \
    }                                                                        \
  } while (0)

static napi_value out_of_memory(napi_env env) {
  napi_throw_error(env, NULL, "out of memory");
  return NULL;
}

static napi_value text_or_undefined(napi_env env, const char *text) {
  napi_value value;
  if (text == NULL) napi_get_undefined(env, &value);
  else napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

static char *text_of(napi_env env, napi_value value) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
  char *text = malloc(length + 1);
  if (text != NULL) napi_get_value_string_utf8(env, value, text, length + 1, &length);
  return text;
}

/*
 * Reads the arguments of a function that is given a handle first; returns it. NULL, and an exception, if its producer is
 * closed or about to be.
 */
static handle *read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  handle *handle;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  CHECK(napi_get_value_external(env, arguments[0], (void **)&handle));
  if (!handle->closing) return handle;
  napi_throw_error(env, NULL, "The producer is closed");
  return NULL;
}

/*
 * Threads that poll or ask may be waiting for librdkafka when the process ends, for as long as its clock was set back:
 * they are not waited for, and whoever still has something to tell finds that nobody listens.
 */
static pthread_mutex_t listening = PTHREAD_MUTEX_INITIALIZER;
static bool process_ends = false;

static void on_process_end(void *argument) {
  (void)argument;
  pthread_mutex_lock(&listening);
  process_ends = true;
  pthread_mutex_unlock(&listening);
}

/* Has call_js called, from any thread. Of a process that ends, the handle may be gone. */
static bool call_later(handle *handle, event *told) {
  pthread_mutex_lock(&listening);
  bool called = !process_ends && napi_call_threadsafe_function(handle->to_js, told, napi_tsfn_nonblocking) == napi_ok;
  pthread_mutex_unlock(&listening);
  return called;
}

static void on_settled(void *context) { call_later(context, NULL); }

static void on_event(void *context, event *told) {
  if (call_later(context, told)) return;
  free(told->text);
  free(told);
}

/* [{ record, code, reason }, ...]; undefined when all are acknowledged. */
static napi_value failures_of(napi_env env, const batch *batch) {
  napi_value failures;
  napi_get_undefined(env, &failures);
  if (batch->failures == 0) return failures;
  napi_create_array(env, &failures);
  uint32_t length = 0;
  for (uint32_t i = 0; i < batch->count; i++) {
    const record *record = &batch->records[i];
    if (record->error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    napi_value failure, number;
    napi_create_object(env, &failure);
    napi_create_uint32(env, record->number, &number);
    napi_set_named_property(env, failure, "record", number);
    napi_set_named_property(env, failure, "code", text_or_undefined(env, rd_kafka_err2name(record->error)));
    napi_set_named_property(env, failure, "reason", text_or_undefined(env, rd_kafka_err2str(record->error)));
    napi_set_element(env, failures, length++, failure);
  }
  return failures;
}

/* callback('settled', [id, failures, id, failures, ...]) */
static void tell_settled(napi_env env, napi_value callback, handle *handle) {
  napi_value undefined, arguments[2];
  napi_get_undefined(env, &undefined);
  napi_create_string_utf8(env, "settled", NAPI_AUTO_LENGTH, &arguments[0]);
  napi_create_array(env, &arguments[1]);
  uint32_t length = 0;
  for (batch *settled = producer_take_settled(handle->producer), *next; settled != NULL; settled = next) {
    next = settled->next;
    napi_handle_scope scope;
    napi_value id;
    napi_open_handle_scope(env, &scope);
    napi_create_uint32(env, settled->id, &id);
    napi_set_element(env, arguments[1], length++, id);
    napi_set_element(env, arguments[1], length++, failures_of(env, settled));
    napi_close_handle_scope(env, scope);
    free(settled);
  }
  napi_call_function(env, undefined, callback, 2, arguments, NULL);
}

static void discard(napi_env env, handle *handle) {
  napi_remove_env_cleanup_hook(env, on_process_end, handle);
  producer_free(handle->producer);
  handle->producer = NULL;
  napi_release_threadsafe_function(handle->to_js, napi_tsfn_release);
}

static void forget(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

static void set_number(napi_env env, napi_value object, const char *name, int64_t number) {
  napi_value value;
  napi_create_int64(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

static void set_error(napi_env env, napi_value object, const char *name, rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  napi_set_named_property(env, object, name, text_or_undefined(env, rd_kafka_err2name(error)));
}

/* { question, failure?, partitions, partitionsWithoutLeader, error? } */
static napi_value answer_of(napi_env env, const event *told) {
  const topic_state *topic = &told->topic;
  napi_value answer;
  napi_create_object(env, &answer);
  set_number(env, answer, "question", told->question);
  set_error(env, answer, "failure", topic->failure);
  set_number(env, answer, "partitions", topic->partitions);
  set_number(env, answer, "partitionsWithoutLeader", topic->without_leader);
  set_error(env, answer, "error", topic->error);
  return answer;
}

/* callback('failure' | 'fatal' | 'statistics', text), callback('answer', answer), callback('identified' | 'closed') */
static void tell_event(napi_env env, napi_value callback, handle *handle, event *told) {
  static const char *const names[] = {"failure", "fatal", "statistics", "identified", "answer", "closed"};
  napi_value undefined, arguments[2] = {text_or_undefined(env, names[told->kind])};
  arguments[1] = told->kind == EVENT_ANSWER ? answer_of(env, told) : text_or_undefined(env, told->text);
  napi_get_undefined(env, &undefined);
  if (told->kind == EVENT_CLOSED) discard(env, handle);
  napi_call_function(env, undefined, callback, 2, arguments, NULL);
}

static void call_js(napi_env env, napi_value callback, void *context, void *data) {
  event *told = data;
  if (env != NULL && told == NULL) tell_settled(env, callback, context);
  if (told == NULL) return;
  if (env != NULL) tell_event(env, callback, context, told);
  free(told->text);
  free(told);
}

/* NULL, and an exception, where librdkafka does not take a property. */
static rd_kafka_conf_t *configuration_of(napi_env env, napi_value properties) {
  napi_value names;
  uint32_t count;
  CHECK(napi_get_property_names(env, properties, &names));
  CHECK(napi_get_array_length(env, names, &count));
  rd_kafka_conf_t *configuration = rd_kafka_conf_new();
  char error[512];
  rd_kafka_conf_res_t result = RD_KAFKA_CONF_OK;
  for (uint32_t i = 0; i < count && result == RD_KAFKA_CONF_OK; i++) {
    napi_value name, value;
    napi_get_element(env, names, i, &name);
    napi_get_property(env, properties, name, &value);
    napi_coerce_to_string(env, value, &value);
    char *name_text = text_of(env, name), *value_text = text_of(env, value);
    result = rd_kafka_conf_set(configuration, name_text, value_text, error, sizeof error);
    free(name_text);
    free(value_text);
  }
  if (result == RD_KAFKA_CONF_OK) return configuration;
  rd_kafka_conf_destroy(configuration);
  napi_throw_error(env, NULL, error);
  return NULL;
}

/* start(properties, saslToken, topic, callback): handle */
static napi_value start_producer(napi_env env, napi_callback_info info) {
  napi_value arguments[4], name, external;
  size_t count = 4;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  CHECK(napi_create_string_utf8(env, "vantage producer", NAPI_AUTO_LENGTH, &name));
  rd_kafka_conf_t *configuration = configuration_of(env, arguments[0]);
  if (configuration == NULL) return NULL;
  handle *made = calloc(1, sizeof *made);
  if (made == NULL) return out_of_memory(env);
  CHECK(napi_create_threadsafe_function(env, arguments[3], NULL, name, 0, 1, NULL, NULL, made, call_js, &made->to_js));
  char *token = text_of(env, arguments[1]), *topic = text_of(env, arguments[2]);
  char error[512];
  listener listener = {on_settled, on_event, made};
  made->producer = producer_start(configuration, token, topic, listener, error, sizeof error);
  free(token);
  free(topic);
  if (made->producer == NULL) {
    napi_release_threadsafe_function(made->to_js, napi_tsfn_release);
    free(made);
    napi_throw_error(env, NULL, error);
    return NULL;
  }
  /* Before the function's own hook: no thread must call one that is gone. */
  napi_add_env_cleanup_hook(env, on_process_end, made);
  CHECK(napi_create_external(env, made, forget, NULL, &external));
  return external;
}

/* The bytes of a Buffer; none for undefined. */
static const void *bytes_of(napi_env env, napi_value buffer, size_t *length) {
  void *bytes = NULL;
  *length = 0;
  napi_get_buffer_info(env, buffer, &bytes, length);
  return bytes;
}

/* The numbers of a Uint32Array; NULL for undefined. */
static const uint32_t *numbers_of(napi_env env, napi_value array, size_t *length) {
  void *numbers = NULL;
  *length = 0;
  bool typed = false;
  napi_is_typedarray(env, array, &typed);
  if (typed) napi_get_typedarray_info(env, array, NULL, length, &numbers, NULL, NULL);
  return numbers;
}

/* send(handle, id, bytes, ends, keys, records) */
static napi_value send_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  uint32_t id, key_count;
  handle *handle = read_arguments(env, info, 6, arguments);
  if (handle == NULL) return NULL;
  CHECK(napi_get_value_uint32(env, arguments[1], &id));
  CHECK(napi_get_array_length(env, arguments[4], &key_count));
  size_t length, end_count, chosen_count, key_length = 0;
  const char *bytes = bytes_of(env, arguments[2], &length);
  const uint32_t *ends = numbers_of(env, arguments[3], &end_count);
  const uint32_t *chosen = numbers_of(env, arguments[5], &chosen_count);
  const void *key = NULL;
  uint32_t records = (uint32_t)(chosen == NULL ? end_count : chosen_count);
  batch *made = batch_create(id, records);
  bool complete = made != NULL;
  for (uint32_t i = 0; complete && i < records; i++) {
    uint32_t number = chosen == NULL ? i : chosen[i];
    uint32_t from = number == 0 ? 0 : ends[number - 1];
    if (key_count > 1 || (key_count == 1 && i == 0)) {
      napi_value buffer;
      napi_get_element(env, arguments[4], key_count == 1 ? 0 : number, &buffer);
      key = bytes_of(env, buffer, &key_length);
    }
    made->records[i].number = number;
    complete = producer_describe(handle->producer, i, bytes + from, ends[number] - from, key, key_length);
  }
  if (!complete) {
    free(made);
    return out_of_memory(env);
  }
  producer_send(handle->producer, made);
  return NULL;
}

/* sendWithHeaders(handle, id, value, key, [name, text, name, text, ...]) */
static napi_value send_with_headers(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  uint32_t id, texts;
  handle *handle = read_arguments(env, info, 5, arguments);
  if (handle == NULL) return NULL;
  CHECK(napi_get_value_uint32(env, arguments[1], &id));
  CHECK(napi_get_array_length(env, arguments[4], &texts));
  rd_kafka_headers_t *headers = rd_kafka_headers_new(texts / 2);
  for (uint32_t i = 0; i + 1 < texts; i += 2) {
    napi_value name, text;
    napi_get_element(env, arguments[4], i, &name);
    napi_get_element(env, arguments[4], i + 1, &text);
    char *name_bytes = text_of(env, name), *text_bytes = text_of(env, text);
    if (name_bytes != NULL && text_bytes != NULL) rd_kafka_header_add(headers, name_bytes, -1, text_bytes, -1);
    free(name_bytes);
    free(text_bytes);
  }
  size_t value_length, key_length;
  const void *value = bytes_of(env, arguments[2], &value_length);
  const void *key = bytes_of(env, arguments[3], &key_length);
  batch *made = batch_create(id, 1);
  if (made == NULL) {
    rd_kafka_headers_destroy(headers);
    return out_of_memory(env);
  }
  producer_send_with_headers(handle->producer, made, value, value_length, key, key_length, headers);
  return NULL;
}

/* describeTopic(handle, question, timeoutMs) */
static napi_value describe_topic(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  uint32_t question;
  int32_t timeout_ms;
  handle *handle = read_arguments(env, info, 3, arguments);
  if (handle == NULL) return NULL;
  CHECK(napi_get_value_uint32(env, arguments[1], &question));
  CHECK(napi_get_value_int32(env, arguments[2], &timeout_ms));
  if (!producer_ask(handle->producer, question, timeout_ms)) napi_throw_error(env, NULL, "no thread to be had");
  return NULL;
}

/* close(handle): 'closed' is told when it is done. No question may be open, and the handle is of no use any more. */
static napi_value close_producer(napi_env env, napi_callback_info info) {
  napi_value argument;
  handle *handle = read_arguments(env, info, 1, &argument);
  if (handle == NULL) return NULL;
  handle->closing = true;
  producer_close(handle->producer);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"start", NULL, start_producer, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_batch, NULL, NULL, NULL, napi_enumerable, NULL},
      {"sendWithHeaders", NULL, send_with_headers, NULL, NULL, NULL, napi_enumerable, NULL},
      {"describeTopic", NULL, describe_topic, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_producer, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}

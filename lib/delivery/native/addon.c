/* What JavaScript sees of producer.c; binding.ts describes it. */
#include "../../shared/native/calls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "producer.h"

/* A producer and its way back into JavaScript; NULL once it is closed. It lives for as long as JavaScript knows it. */
typedef struct {
  producer *producer;
  bool closing;
  napi_threadsafe_function to_js;
} handle;

static const napi_type_tag handle_tag = {0x3b61e7c8f20d4a95, 0xa47d20f6b91c5e38};

/* The text of librdkafka's, undefined for NULL. */
static bool make_text(napi_env env, const char *text, napi_value *value) {
  if (text == NULL) CHECK(napi_get_undefined(env, value));
  else CHECK(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, value));
  return true;
}

/* The text for librdkafka, which takes what ends at a NUL. NULL, and an exception, if it has one before its end. */
static char *plain_text_of(napi_env env, napi_value value) {
  size_t length;
  char *text = text_of(env, value, &length);
  if (text == NULL || strlen(text) == length) return text;
  free(text);
  return refuse(env, "a text of librdkafka's properties has a NUL in it");
}

/*
 * Reads the arguments of a function that is given a handle first; returns it. NULL, and an exception, if its producer is
 * closed or about to be.
 */
static handle *read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  handle *handle = held_by(env, arguments[0], &handle_tag);
  if (handle == NULL || !handle->closing) return handle;
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

/*
 * librdkafka's threads go on until the very end, and use OpenSSL, which would free what they use in its own handler: one
 * process in five crashed that ended during TLS handshakes. All that Node had to do at the end is done by now.
 */
static void leave(int status, void *argument) {
  (void)argument;
  _exit(status);
}

/* Handlers are called last first, and librdkafka has initialised OpenSSL by the time it has made a client. */
static void leave_before_openssl(void) { on_exit(leave, NULL); }

/* leave(status) */
static napi_value leave_now(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  int32_t status;
  CHECK(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  CHECK(napi_get_value_int32(env, argument, &status));
  _exit(status);
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

static bool set(napi_env env, napi_value object, const char *name, napi_value value) {
  CHECK(napi_set_named_property(env, object, name, value));
  return true;
}

static bool set_number(napi_env env, napi_value object, const char *name, int64_t number) {
  napi_value value;
  CHECK(napi_create_int64(env, number, &value));
  return set(env, object, name, value);
}

/* Leaves the member out for NULL. */
static bool set_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  return text == NULL || (make_text(env, text, &value) && set(env, object, name, value));
}

static const char *name_of(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : rd_kafka_err2name(error);
}

/* [{ record, code, reason }, ...]; undefined when all are acknowledged. */
static bool make_failures(napi_env env, const batch *batch, napi_value *failures) {
  CHECK(napi_get_undefined(env, failures));
  if (batch->failures == 0) return true;
  CHECK(napi_create_array(env, failures));
  uint32_t length = 0;
  for (uint32_t i = 0; i < batch->count; i++) {
    const record *record = &batch->records[i];
    if (record->error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    napi_value failure;
    CHECK(napi_create_object(env, &failure));
    if (!set_number(env, failure, "record", record->number) || !set_text(env, failure, "code", name_of(record->error)) ||
        !set_text(env, failure, "reason", rd_kafka_err2str(record->error)))
      return false;
    CHECK(napi_set_element(env, *failures, length++, failure));
  }
  return true;
}

/* Adds the id of the batch, and what failed of it. */
static bool add_settled(napi_env env, napi_value list, uint32_t length, const batch *settled) {
  napi_handle_scope scope;
  napi_value id, failures;
  CHECK(napi_open_handle_scope(env, &scope));
  bool made = make_failures(env, settled, &failures) && succeeded(env, napi_create_uint32(env, settled->id, &id)) &&
              succeeded(env, napi_set_element(env, list, length, id)) &&
              succeeded(env, napi_set_element(env, list, length + 1, failures));
  CHECK(napi_close_handle_scope(env, scope));
  return made;
}

/* [id, failures, id, failures, ...]. All batches are freed, made or not. */
static bool make_settled(napi_env env, batch *settled, napi_value *list) {
  bool made = succeeded(env, napi_create_array(env, list));
  uint32_t length = 0;
  for (batch *next; settled != NULL; settled = next, length += 2) {
    next = settled->next;
    made = made && add_settled(env, *list, length, settled);
    free(settled);
  }
  return made;
}

static bool call(napi_env env, napi_value callback, napi_value name, napi_value told) {
  napi_value undefined, arguments[] = {name, told};
  CHECK(napi_get_undefined(env, &undefined));
  CHECK(napi_call_function(env, undefined, callback, 2, arguments, NULL));
  return true;
}

/* callback('settled', [id, failures, id, failures, ...]) */
static bool tell_settled(napi_env env, napi_value callback, handle *handle) {
  napi_value name, list;
  return make_settled(env, producer_take_settled(handle->producer), &list) && make_text(env, "settled", &name) &&
         call(env, callback, name, list);
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

/* { question, failure?, partitions, leaderless?, error? } */
static bool make_answer(napi_env env, const event *told, napi_value *answer) {
  const topic_state *topic = &told->topic;
  CHECK(napi_create_object(env, answer));
  return set_number(env, *answer, "question", told->question) && set_text(env, *answer, "failure", name_of(topic->failure)) &&
         set_number(env, *answer, "partitions", topic->partitions) &&
         set_text(env, *answer, "leaderless", told->text) &&
         set_text(env, *answer, "error", name_of(topic->error));
}

/* callback('failure' | 'fatal' | 'statistics', text), callback('answer', answer), callback('identified' | 'closed') */
static bool tell_event(napi_env env, napi_value callback, const event *told) {
  static const char *const names[] = {"failure", "fatal", "statistics", "identified", "answer", "closed"};
  napi_value name, what;
  bool made = told->kind == EVENT_ANSWER ? make_answer(env, told, &what) : make_text(env, told->text, &what);
  return made && make_text(env, names[told->kind], &name) && call(env, callback, name, what);
}

/* An exception that is pending in the end, JavaScript's or ours, is one that nobody has caught. */
static void call_js(napi_env env, napi_value callback, void *context, void *data) {
  event *told = data;
  if (env != NULL && told == NULL) tell_settled(env, callback, context);
  if (told == NULL) return;
  if (env != NULL && told->kind == EVENT_CLOSED) discard(env, context);
  if (env != NULL) tell_event(env, callback, told);
  free(told->text);
  free(told);
}

static bool set_property(napi_env env, rd_kafka_conf_t *configuration, napi_value properties, napi_value name) {
  napi_value value;
  char error[512] = "";
  CHECK(napi_get_property(env, properties, name, &value));
  CHECK(napi_coerce_to_string(env, value, &value));
  char *name_text = plain_text_of(env, name), *value_text = name_text == NULL ? NULL : plain_text_of(env, value);
  bool known = value_text != NULL;
  bool taken = known && rd_kafka_conf_set(configuration, name_text, value_text, error, sizeof error) == RD_KAFKA_CONF_OK;
  if (known && !taken) napi_throw_error(env, NULL, error);
  free(name_text);
  free(value_text);
  return taken;
}

static bool set_properties(napi_env env, rd_kafka_conf_t *configuration, napi_value properties) {
  napi_value names;
  uint32_t count;
  CHECK(napi_get_property_names(env, properties, &names));
  CHECK(napi_get_array_length(env, names, &count));
  for (uint32_t i = 0; i < count; i++) {
    napi_value name;
    CHECK(napi_get_element(env, names, i, &name));
    if (!set_property(env, configuration, properties, name)) return false;
  }
  return true;
}

/* NULL, and an exception, where librdkafka does not take a property. */
static rd_kafka_conf_t *configuration_of(napi_env env, napi_value properties) {
  rd_kafka_conf_t *configuration = rd_kafka_conf_new();
  if (set_properties(env, configuration, properties)) return configuration;
  rd_kafka_conf_destroy(configuration);
  return NULL;
}

static producer *open_producer(napi_env env, napi_value properties, napi_value token, napi_value topic, handle *handle) {
  producer *opened = NULL;
  char error[512] = "";
  char *token_text = plain_text_of(env, token), *topic_text = token_text == NULL ? NULL : plain_text_of(env, topic);
  rd_kafka_conf_t *configuration = topic_text == NULL ? NULL : configuration_of(env, properties);
  if (configuration != NULL) {
    bool shortage;
    listener listener = {on_settled, on_event, handle};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    opened = producer_start(configuration, token_text, topic_text, listener, error, sizeof error, &shortage);
    pthread_once(&once, leave_before_openssl);
    if (opened == NULL) napi_throw_error(env, shortage ? "ERR_SHORTAGE" : NULL, error);
  }
  free(token_text);
  free(topic_text);
  return opened;
}

/* start(properties, saslToken, topic, callback): handle */
static napi_value start_producer(napi_env env, napi_callback_info info) {
  napi_value arguments[4], name, external;
  size_t count = 4;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  CHECK(napi_create_string_utf8(env, "vantage producer", NAPI_AUTO_LENGTH, &name));
  handle *made = calloc(1, sizeof *made);
  if (made == NULL) return out_of_memory(env);
  if (!succeeded(env, napi_create_external(env, made, forget, NULL, &external))) {
    free(made);
    return NULL;
  }
  CHECK(napi_type_tag_object(env, external, &handle_tag));
  CHECK(napi_create_threadsafe_function(env, arguments[3], NULL, name, 0, 1, NULL, NULL, made, call_js, &made->to_js));
  /* Called before the function's own hook, since it was added later: no thread must call one that is gone. */
  if (succeeded(env, napi_add_env_cleanup_hook(env, on_process_end, made))) {
    made->producer = open_producer(env, arguments[0], arguments[1], arguments[2], made);
    if (made->producer != NULL) return external;
    napi_remove_env_cleanup_hook(env, on_process_end, made);
  }
  napi_release_threadsafe_function(made->to_js, napi_tsfn_release);
  return NULL;
}

/* What JavaScript gives of a batch to be sent. */
typedef struct {
  const char *bytes;
  size_t length;
  const uint32_t *ends;
  size_t record_count;
  napi_value keys;
  uint32_t key_count;
  /* Which records; NULL for all. */
  const uint32_t *chosen;
  size_t chosen_count;
} parcel;

static bool read_parcel(napi_env env, const napi_value *arguments, parcel *parcel) {
  napi_valuetype type;
  parcel->bytes = bytes_of(env, arguments[2], &parcel->length);
  if (parcel->bytes == NULL) return false;
  parcel->ends = items_of(env, arguments[3], napi_uint32_array, &parcel->record_count);
  if (parcel->ends == NULL) return false;
  parcel->keys = arguments[4];
  CHECK(napi_get_array_length(env, parcel->keys, &parcel->key_count));
  if (parcel->key_count > 1 && parcel->key_count != parcel->record_count) return refuse(env, "not a key for each record");
  CHECK(napi_typeof(env, arguments[5], &type));
  parcel->chosen = NULL;
  parcel->chosen_count = parcel->record_count;
  if (type != napi_undefined) parcel->chosen = items_of(env, arguments[5], napi_uint32_array, &parcel->chosen_count);
  if (type != napi_undefined && parcel->chosen == NULL) return false;
  return parcel->chosen_count <= INT32_MAX || refuse(env, "too many records");
}

/* Describes the chosen records to librdkafka, and numbers them in the batch. */
static bool describe(napi_env env, producer *producer, const parcel *parcel, batch *batch) {
  const void *key = NULL;
  size_t key_length = 0;
  for (uint32_t i = 0; i < batch->count; i++) {
    const uint32_t number = parcel->chosen == NULL ? i : parcel->chosen[i];
    if (number >= parcel->record_count) return refuse(env, "no such record");
    const uint32_t from = number == 0 ? 0 : parcel->ends[number - 1], end = parcel->ends[number];
    if (from > end || end > parcel->length) return refuse(env, "a record ends beyond its bytes");
    if (parcel->key_count > 1 || (parcel->key_count == 1 && i == 0)) {
      napi_value buffer;
      CHECK(napi_get_element(env, parcel->keys, parcel->key_count == 1 ? 0 : number, &buffer));
      key = bytes_of(env, buffer, &key_length);
      if (key == NULL) return false;
    }
    batch->records[i].number = number;
    if (!producer_describe(producer, i, parcel->bytes + from, end - from, key, key_length)) return out_of_memory(env);
  }
  return true;
}

/* send(handle, id, bytes, ends, keys, records, partition) */
static napi_value send_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[7];
  uint32_t id;
  int32_t partition;
  parcel parcel;
  handle *handle = read_arguments(env, info, 7, arguments);
  if (handle == NULL) return NULL;
  CHECK(napi_get_value_uint32(env, arguments[1], &id));
  CHECK(napi_get_value_int32(env, arguments[6], &partition));
  if (!read_parcel(env, arguments, &parcel)) return NULL;
  batch *made = batch_create(id, (uint32_t)parcel.chosen_count);
  if (made == NULL) return out_of_memory(env);
  if (describe(env, handle->producer, &parcel, made)) producer_send(handle->producer, made, partition);
  else free(made);
  return NULL;
}

static bool add_header(napi_env env, rd_kafka_headers_t *headers, napi_value name, napi_value text) {
  size_t name_length, text_length;
  char *name_bytes = text_of(env, name, &name_length);
  char *text_bytes = name_bytes == NULL ? NULL : text_of(env, text, &text_length);
  bool known = text_bytes != NULL;
  if (known) rd_kafka_header_add(headers, name_bytes, (ssize_t)name_length, text_bytes, (ssize_t)text_length);
  free(name_bytes);
  free(text_bytes);
  return known;
}

static bool add_headers(napi_env env, rd_kafka_headers_t *headers, napi_value list, uint32_t texts) {
  for (uint32_t i = 0; i + 1 < texts; i += 2) {
    napi_value name, text;
    CHECK(napi_get_element(env, list, i, &name));
    CHECK(napi_get_element(env, list, i + 1, &text));
    if (!add_header(env, headers, name, text)) return false;
  }
  return true;
}

/* sendWithHeaders(handle, id, value, key, [name, text, name, text, ...]) */
static napi_value send_with_headers(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  uint32_t id, texts;
  size_t value_length, key_length = 0;
  napi_valuetype key_type;
  handle *handle = read_arguments(env, info, 5, arguments);
  if (handle == NULL) return NULL;
  CHECK(napi_get_value_uint32(env, arguments[1], &id));
  CHECK(napi_get_array_length(env, arguments[4], &texts));
  CHECK(napi_typeof(env, arguments[3], &key_type));
  const void *key = NULL, *value = bytes_of(env, arguments[2], &value_length);
  if (value == NULL) return NULL;
  if (key_type != napi_undefined) key = bytes_of(env, arguments[3], &key_length);
  if (key_type != napi_undefined && key == NULL) return NULL;
  batch *made = batch_create(id, 1);
  if (made == NULL) return out_of_memory(env);
  rd_kafka_headers_t *headers = rd_kafka_headers_new(texts / 2);
  if (add_headers(env, headers, arguments[4], texts)) {
    producer_send_with_headers(handle->producer, made, value, value_length, key, key_length, headers);
  } else {
    rd_kafka_headers_destroy(headers);
    free(made);
  }
  return NULL;
}

/* partitionOf(partitioner, key, partitions): number */
static napi_value partition_of(napi_env env, napi_callback_info info) {
  napi_value arguments[3], value;
  size_t count = 3, length;
  int32_t partitions;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  const void *key = bytes_of(env, arguments[1], &length);
  if (key == NULL) return NULL;
  CHECK(napi_get_value_int32(env, arguments[2], &partitions));
  if (partitions < 1) return refuse(env, "no partitions");
  char *partitioner = plain_text_of(env, arguments[0]);
  if (partitioner == NULL) return NULL;
  int32_t partition = producer_partition_of(partitioner, key, length, partitions);
  free(partitioner);
  CHECK(napi_create_int32(env, partition, &value));
  return value;
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
      {"partitionOf", NULL, partition_of, NULL, NULL, NULL, napi_enumerable, NULL},
      {"sendWithHeaders", NULL, send_with_headers, NULL, NULL, NULL, napi_enumerable, NULL},
      {"describeTopic", NULL, describe_topic, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_producer, NULL, NULL, NULL, napi_enumerable, NULL},
      {"leave", NULL, leave_now, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  EXPORT(functions);
  return exports;
}

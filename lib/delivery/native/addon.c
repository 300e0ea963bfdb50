/* What JavaScript sees of producer.c; binding.ts describes it. */
#include <string.h>
#include <unistd.h>

#include "telling.h"

static const napi_type_tag handle_tag = {0x3b61e7c8f20d4a95, 0xa47d20f6b91c5e38};

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

static bool set_property(napi_env env, rd_kafka_conf_t *configuration, napi_value properties, napi_value name) {
  napi_value value;
  char error[512] = "";
  CHECK(napi_get_property(env, properties, name, &value));
  CHECK(napi_coerce_to_string(env, value, &value));
  char *name_text = plain_text_of(env, name), *value_text = name_text == NULL ? NULL : plain_text_of(env, value);
  bool known = value_text != NULL;
  bool taken =
      known && rd_kafka_conf_set(configuration, name_text, value_text, error, sizeof error) == RD_KAFKA_CONF_OK;
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

static producer *open_producer(napi_env env, napi_value properties, napi_value token, napi_value topic,
                               handle *handle) {
  producer *opened = NULL;
  char error[512] = "";
  char *token_text = plain_text_of(env, token), *topic_text = token_text == NULL ? NULL : plain_text_of(env, topic);
  rd_kafka_conf_t *configuration = topic_text == NULL ? NULL : configuration_of(env, properties);
  if (configuration != NULL) {
    bool shortage;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    opened =
        producer_start(configuration, token_text, topic_text, telling_listener(handle), error, sizeof error, &shortage);
    pthread_once(&once, leave_before_openssl);
    if (opened == NULL) napi_throw_error(env, shortage ? "ERR_SHORTAGE" : NULL, error);
  }
  free(token_text);
  free(topic_text);
  return opened;
}

static void forget(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

/* start(properties, saslToken, topic, callback): handle */
static napi_value start_producer(napi_env env, napi_callback_info info) {
  napi_value arguments[4], external;
  size_t count = 4;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  handle *made = calloc(1, sizeof *made);
  if (made == NULL) return out_of_memory(env);
  if (!succeeded(env, napi_create_external(env, made, forget, NULL, &external))) {
    free(made);
    return NULL;
  }
  CHECK(napi_type_tag_object(env, external, &handle_tag));
  if (!telling_start(env, arguments[3], made)) return NULL;
  made->producer = open_producer(env, arguments[0], arguments[1], arguments[2], made);
  if (made->producer != NULL) return external;
  telling_end(env, made);
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
  if (parcel->key_count > 1 && parcel->key_count != parcel->record_count)
    return refuse(env, "not a key for each record");
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
  if (describe(env, handle->producer, &parcel, made))
    producer_send(handle->producer, made, partition);
  else
    free(made);
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

/* close(handle): 'closed' comes when it is done. No question may be open, and the handle must not be used again. */
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

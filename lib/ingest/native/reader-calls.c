#include "reader-calls.h"

#include "hash.h"
#include "influx.h"
#include "otlp.h"
#include "reading.h"
#include "remote-write.h"

static const napi_type_tag reader_tag = {0x2d0e6a1b7c9f4e35, 0xb48f03a6d1725c9e};

/* What JavaScript holds: the readers of each format, which share what they read into. */
typedef struct {
  reader_options options;
  reading_request request;
  reading reading;
  otlp_reader *otlp;
  /* Made when they are first asked for. */
  remote_write_reader *remote_write;
  influx_reader *influx;
} reader;

/* Where a request says its instants, and a reading its figures. */
enum { request_now, request_oldest, request_newest, request_size };
enum {
  figure_fault,
  figure_at,
  figure_received,
  figure_accepted,
  figure_bytes,
  figure_records,
  figure_services,
  figure_rejections,
  figure_reasons
};
enum { figures_size = figure_reasons + rejection_reasons + skip_reasons + part_kinds };

/* Beyond this, instants are as good as any. */
static const double last_instant = 9e15;
/* The ends of records are 32-bit numbers. */
static const double largest_bytes = 4294967295.0;

static void free_reader(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  reader *reader = data;
  free(reader->options.environment);
  free(reader->options.agent_version);
  free(reader->options.no_service);
  free(reader->options.service_tags);
  reading_free(&reader->reading);
  otlp_free(reader->otlp);
  remote_write_free(reader->remote_write);
  influx_free(reader->influx);
  free(reader);
}

static bool read_text_option(napi_env env, napi_value options, const char *name, char **text, size_t *length) {
  napi_value value;
  CHECK(napi_get_named_property(env, options, name, &value));
  *text = text_of(env, value, length);
  return *text != NULL;
}

static bool read_size_option(napi_env env, napi_value options, const char *name, uint64_t *size) {
  napi_value value;
  double given = 0;
  CHECK(napi_get_named_property(env, options, name, &value));
  CHECK(napi_get_value_double(env, value, &given));
  if (!(given >= 0 && given <= largest_bytes)) return refuse(env, name);
  *size = (uint64_t)given;
  return true;
}

static bool read_flag_option(napi_env env, napi_value options, const char *name, bool *flag) {
  napi_value value;
  CHECK(napi_get_named_property(env, options, name, &value));
  CHECK(napi_get_value_bool(env, value, flag));
  return true;
}

static bool read_options(napi_env env, napi_value given, reader_options *options) {
  return read_text_option(env, given, "environment", &options->environment, &options->environment_length) &&
         read_text_option(env, given, "agentVersion", &options->agent_version, &options->agent_version_length) &&
         read_text_option(env, given, "noService", &options->no_service, &options->no_service_length) &&
         read_text_option(env, given, "serviceTags", &options->service_tags, &options->service_tags_length) &&
         read_flag_option(env, given, "textAsTags", &options->text_as_tags) &&
         read_flag_option(env, given, "buckets", &options->buckets) &&
         read_flag_option(env, given, "ndjson", &options->lines_share_records) &&
         read_size_option(env, given, "maxMetrics", &options->max_metrics) &&
         read_size_option(env, given, "maxBytes", &options->max_bytes) &&
         read_size_option(env, given, "maxRecordBytes", &options->max_record_bytes);
}

/* createReader(options): reader */
napi_value create_reader(napi_env env, napi_callback_info info) {
  napi_value options, external;
  size_t count = 1;
  CHECK(napi_get_cb_info(env, info, &count, &options, NULL, NULL));
  reader *made = calloc(1, sizeof *made);
  if (made == NULL) return out_of_memory(env);
  made->otlp = otlp_new();
  if (made->otlp == NULL) {
    free(made);
    return out_of_memory(env);
  }
  if (!succeeded(env, napi_create_external(env, made, free_reader, NULL, &external))) {
    free_reader(env, made, NULL);
    return NULL;
  }
  CHECK(napi_type_tag_object(env, external, &reader_tag));
  if (hash_secret == 0) choose_hash_secret();
  return read_options(env, options, &made->options) ? external : NULL;
}

static int64_t instant_of(double milliseconds) {
  if (!(milliseconds > -last_instant)) return -(int64_t)last_instant;
  return milliseconds > last_instant ? (int64_t)last_instant : (int64_t)milliseconds;
}

static void tell(const reading *reading, const uint8_t *body, double *figures) {
  const record_sizes sizes = sizes_of(reading);
  figures[figure_fault] = reading->fault.kind;
  figures[figure_at] = reading->fault.at == NULL ? 0 : (double)(reading->fault.at - body);
  figures[figure_received] = reading->received;
  figures[figure_accepted] = reading->accepted;
  figures[figure_bytes] = (double)sizes.bytes;
  figures[figure_records] = (double)sizes.records;
  figures[figure_services] = reading->service_count;
  figures[figure_rejections] = reading->rejection_count;
  for (int i = 0; i < rejection_reasons; i++) figures[figure_reasons + i] = reading->rejected[i];
  for (int i = 0; i < skip_reasons; i++) figures[figure_reasons + rejection_reasons + i] = reading->skipped[i];
}

/* What each reading is given: reader, body, request, suffix, figures; and what else its format needs. */
enum { shared_arguments = 5, extra_arguments = 2, reading_arguments = shared_arguments + extra_arguments };
typedef struct {
  reader *reader;
  const uint8_t *body;
  size_t length;
  double *figures;
  napi_value extra[extra_arguments];
} reading_call;

static bool begin_call(napi_env env, napi_callback_info info, reading_call *call) {
  napi_value arguments[reading_arguments];
  size_t count = reading_arguments, request_given, figures_given;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  reader *reader = call->reader = held_by(env, arguments[0], &reader_tag);
  if (reader == NULL) return false;
  call->body = bytes_of(env, arguments[1], &call->length);
  if (call->body == NULL) return false;
  const double *request = items_of(env, arguments[2], napi_float64_array, &request_given);
  if (request == NULL) return false;
  reader->request.suffix = bytes_of(env, arguments[3], &reader->request.suffix_length);
  if (reader->request.suffix == NULL) return false;
  call->figures = items_of(env, arguments[4], napi_float64_array, &figures_given);
  if (call->figures == NULL) return false;
  if (request_given < request_size || figures_given < figures_size) return refuse(env, "no room for figures");
  for (int i = 0; i < extra_arguments; i++) call->extra[i] = arguments[shared_arguments + i];
  reader->request.now = instant_of(request[request_now]);
  reader->request.oldest = instant_of(request[request_oldest]);
  reader->request.newest = instant_of(request[request_newest]);
  reading_begin(&reader->reading, &reader->options, &reader->request);
  return true;
}

/* readOtlp(reader, body, request, suffix, figures): nothing */
napi_value read_otlp(napi_env env, napi_callback_info info) {
  reading_call call;
  if (!begin_call(env, info, &call)) return NULL;
  otlp_read(call.reader->otlp, &call.reader->reading, call.body, call.length);
  tell(&call.reader->reading, call.body, call.figures);
  return NULL;
}

/* readRemoteWrite(reader, body, request, suffix, figures, version, maxInflatedBytes): nothing */
napi_value read_remote_write(napi_env env, napi_callback_info info) {
  enum { second = 2 };
  reading_call call;
  uint32_t version, longest;
  if (!begin_call(env, info, &call)) return NULL;
  CHECK(napi_get_value_uint32(env, call.extra[0], &version));
  CHECK(napi_get_value_uint32(env, call.extra[1], &longest));
  reader *reader = call.reader;
  if (reader->remote_write == NULL) reader->remote_write = remote_write_new();
  if (reader->remote_write == NULL) return out_of_memory(env);
  remote_write_read(reader->remote_write, &reader->reading, version == second, call.body, call.length, longest);
  tell(&reader->reading, call.body, call.figures);
  for (int i = 0; i < part_kinds; i++) call.figures[figures_size - part_kinds + i] = reader->remote_write->written[i];
  return NULL;
}

/* readInflux(reader, body, request, suffix, figures, precision, database): nothing */
napi_value read_influx(napi_env env, napi_callback_info info) {
  reading_call call;
  uint32_t precision;
  size_t length;
  if (!begin_call(env, info, &call)) return NULL;
  CHECK(napi_get_value_uint32(env, call.extra[0], &precision));
  if (precision >= precisions) return refuse(env, "no such precision");
  const uint8_t *database = bytes_of(env, call.extra[1], &length);
  if (database == NULL) return NULL;
  reader *reader = call.reader;
  if (reader->influx == NULL) reader->influx = influx_new();
  if (reader->influx == NULL) return out_of_memory(env);
  const influx_request request = {(enum timestamp_precision)precision, {database, database + length}};
  influx_read(reader->influx, &reader->reading, &request, call.body, call.length);
  tell(&reader->reading, call.body, call.figures);
  return NULL;
}

/* takeRecords(reader, bytes, ends, metricEnds, services): nothing */
napi_value take_records(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  size_t count = 5, length;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  reader *reader = held_by(env, arguments[0], &reader_tag);
  if (reader == NULL) return NULL;
  uint8_t *bytes = bytes_of(env, arguments[1], &length);
  if (bytes == NULL) return NULL;
  const record_sizes sizes = sizes_of(&reader->reading);
  bool room = length >= sizes.bytes;
  uint32_t *arrays[3];
  for (int i = 0; i < 3; i++) {
    arrays[i] = items_of(env, arguments[2 + i], napi_uint32_array, &length);
    if (arrays[i] == NULL) return NULL;
    room &= length >= sizes.records;
  }
  if (!room) return refuse(env, "no room for the records");
  copy_records(&reader->reading, bytes, arrays[0], arrays[1], arrays[2]);
  return NULL;
}

static bool set_number(napi_env env, napi_value object, const char *name, uint32_t number) {
  napi_value value;
  CHECK(napi_create_uint32(env, number, &value));
  CHECK(napi_set_named_property(env, object, name, value));
  return true;
}

/* An object with a name, in its place of the list. */
static napi_value add_named(napi_env env, napi_value list, uint32_t index, const uint8_t *name, size_t length) {
  napi_value object, text;
  CHECK(napi_create_object(env, &object));
  CHECK(napi_create_string_utf8(env, (const char *)name, length, &text));
  CHECK(napi_set_named_property(env, object, "name", text));
  CHECK(napi_set_element(env, list, index, object));
  return object;
}

static const reading *reading_given(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  CHECK(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  const reader *reader = held_by(env, argument, &reader_tag);
  return reader == NULL ? NULL : &reader->reading;
}

/* services(reader): { name, metrics }[] */
napi_value services_read(napi_env env, napi_callback_info info) {
  napi_value list;
  const reading *reading = reading_given(env, info);
  if (reading == NULL) return NULL;
  CHECK(napi_create_array_with_length(env, reading->service_count, &list));
  for (uint32_t i = 0; i < reading->service_count; i++) {
    const service *service = &reading->services[i];
    napi_value object = add_named(env, list, i, reading->names.bytes + service->start, service->length);
    if (object == NULL || !set_number(env, object, "metrics", service->metrics)) return NULL;
  }
  return list;
}

/* rejections(reader): { name, index, reason }[] */
napi_value rejections_read(napi_env env, napi_callback_info info) {
  napi_value list;
  const reading *reading = reading_given(env, info);
  if (reading == NULL) return NULL;
  CHECK(napi_create_array_with_length(env, reading->rejection_count, &list));
  for (uint32_t i = 0; i < reading->rejection_count; i++) {
    const rejection *rejection = &reading->rejections[i];
    napi_value object = add_named(env, list, i, rejection->name, rejection->name_length);
    if (object == NULL || !set_number(env, object, "index", rejection->index) ||
        !set_number(env, object, "reason", rejection->reason))
      return NULL;
  }
  return list;
}

#include "influx.h"

#include "hash.h"

#include <stdlib.h>

enum { kept_bytes = 1 << 20 };
/* The last instant that a JavaScript or Java date can hold, in Unix ms. */
static const int64_t last_instant = INT64_C(8640000000000000);

influx_reader *influx_new(void) { return calloc(1, sizeof(influx_reader)); }

void influx_free(influx_reader *influx) {
  if (influx == NULL) return;
  writer_free(&influx->plain);
  writer_free(&influx->head);
  writer_free(&influx->tail);
  writer_free(&influx->tags.text);
  free(influx->fields);
  free(influx);
}

/* The time of the line in Unix ms; beyond any instant where 64 bits do not hold it. */
static int64_t milliseconds_of(const influx_reader *influx) {
  static const int64_t divisors[precisions] = {1000000, 1000, 1, 1, 1, 1};
  static const int64_t factors[precisions] = {1, 1, 1, 1000, 60000, 3600000};
  const precision precision = influx->request->precision;
  int64_t milliseconds;
  if (!influx->has_time) return influx->reading->request->now;
  if (__builtin_mul_overflow(influx->time, factors[precision], &milliseconds))
    return influx->time < 0 ? INT64_MIN : INT64_MAX;
  const int64_t whole = milliseconds / divisors[precision];
  /* Down, also before 1970. */
  return milliseconds % divisors[precision] < 0 ? whole - 1 : whole;
}

static rejection_reason judge_time(const influx_reader *influx, int64_t time) {
  const reading_request *request = influx->reading->request;
  if (!influx->has_time) return rejection_reasons;
  if (time < 0) return REJECTED_TIME_LOW;
  if (time > last_instant) return REJECTED_TIME_HIGH;
  if (time < request->oldest) return REJECTED_OLD;
  return time > request->newest ? REJECTED_NEW : rejection_reasons;
}

static bool is_named_value(const influx_field *field) {
  return length_of(field->name) == 5 && memcmp(field->name.at, "value", 5) == 0;
}

static rejection_reason judge_name(const influx_reader *influx, const influx_field *field) {
  const span measurement = influx->measurement;
  size_t length = length_of(measurement) + 1 + length_of(field->name);
  if (is_named_value(field)) return is_at_most(measurement, max_characters) ? rejection_reasons : REJECTED_NAME_LONG;
  if (length > max_characters)
    length = characters_in(measurement.at, length_of(measurement)) + 1 +
             characters_in(field->name.at, length_of(field->name));
  return length <= max_characters ? rejection_reasons : REJECTED_NAME_LONG;
}

static void put_member(writer *to, const char *start, span text) {
  put_bytes(to, start, strlen(start));
  put_text(to, text.at, length_of(text));
}

/* JSON that all records of a line have. */
static void prepare(influx_reader *influx, int64_t time) {
  static const uint64_t nobody[max_layers] = {NO_SET, NO_SET};
  const reader_options *options = influx->reading->options;
  writer *head = &influx->head, *tail = &influx->tail;
  writer_clear(head, kept_bytes);
  put_literal(head, "{\"timestamp\":");
  put_int64(head, time);
  put_member(head, ",\"service_name\":\"", influx->service);
  put_member(head, "\",\"metric_name\":\"", influx->measurement);
  writer_clear(tail, kept_bytes);
  if (influx->tags.count > 0) {
    put_literal(tail, ",\"tags\":");
    const size_t open = tail->length;
    put_tags(tail, &influx->tags, nobody);
    if (!tail->full) tail->bytes[open] = '{';
    put_byte(tail, '}');
  }
  put_literal(tail, ",\"environment\":");
  put_string(tail, (const uint8_t *)options->environment, options->environment_length);
  put_literal(tail, ",\"agent_version\":");
  put_string(tail, (const uint8_t *)options->agent_version, options->agent_version_length);
  put_bytes(tail, influx->reading->request->suffix, influx->reading->request->suffix_length);
  put_byte(tail, '}');
}

static void write_field(influx_reader *influx, const influx_field *field, uint32_t service) {
  writer *to = &influx->reading->text;
  accept(influx->reading);
  put_all(to, &influx->head);
  if (!is_named_value(field)) put_member(to, "_", field->name);
  put_literal(to, "\",\"metric_type\":\"gauge\",\"value\":");
  if (field->kind == FIELD_NUMBER)
    put_number(to, double_of(field->bits));
  else if (field->kind == FIELD_INTEGER)
    put_int64(to, (int64_t)field->bits);
  else
    put_uint64(to, field->bits);
  put_all(to, &influx->tail);
  end_line(influx->reading, service);
}

/* Text fields that are tags by the settings; none of them has a record then. */
static size_t make_tags(influx_reader *influx) {
  size_t left = 0;
  for (size_t i = 0; i < influx->field_count; i++) {
    const influx_field *field = &influx->fields[i];
    if (field->kind != FIELD_TEXT) {
      influx->fields[left++] = *field;
      continue;
    }
    if (tag_begins(&influx->tags, field->name, hash_of(field->name.at, length_of(field->name))) != TAG_BEGUN) continue;
    put_string(&influx->tags.text, field->text.at, length_of(field->text));
    tag_ends(&influx->tags);
  }
  return left;
}

/* Rejects what the line says of a metric, whose number counts from 1. */
static void reject_at(influx_reader *influx, uint32_t line, rejection_reason reason, span name) {
  influx->reading->place = line;
  reject(influx->reading, reason, name.at, length_of(name));
}

static bool write_line(influx_reader *influx, uint32_t line, const uint8_t *start) {
  reading *reading = influx->reading;
  const int64_t time = milliseconds_of(influx);
  const size_t texts_too = influx->field_count;
  if (reading->options->text_as_tags) influx->field_count = make_tags(influx);
  const bool service_is_long = !is_at_most(influx->service, max_characters);
  if (service_is_long) influx->service = influx->request->database;
  const uint32_t service = service_of(reading, influx->service.at, length_of(influx->service));
  rejection_reason of_line = service_is_long ? REJECTED_SERVICE_LONG : judge_time(influx, time);
  if (of_line == rejection_reasons && influx->tags.overflow) of_line = REJECTED_TAGS;
  if (influx->field_count == 0 && texts_too > 0) {
    if (!count_metric(reading, service, start)) return false;
    reject_at(influx, line, REJECTED_TEXT_VALUE, influx->measurement);
    return true;
  }
  if (of_line == rejection_reasons) prepare(influx, time);
  for (size_t i = 0; i < influx->field_count && !reading->text.full; i++) {
    const influx_field *field = &influx->fields[i];
    if (!count_metric(reading, service, start)) return false;
    rejection_reason reason = of_line == rejection_reasons ? judge_name(influx, field) : of_line;
    if (reason == rejection_reasons && field->kind == FIELD_TEXT) reason = REJECTED_TEXT_VALUE;
    if (reason == rejection_reasons)
      write_field(influx, field, service);
    else
      reject_at(influx, line, reason, field->name);
  }
  return !reading->text.full || fail_at(&reading->fault, FAULT_TOO_LARGE, start);
}

static const uint8_t *line_end(const influx_reader *influx) {
  const uint8_t *end = memchr(influx->at, '\n', (size_t)(influx->end - influx->at));
  return end == NULL ? influx->end : end;
}

/* A line that is none is a metric, of the database's service. */
static bool reject_line(influx_reader *influx, uint32_t line, rejection_reason reason, const uint8_t *start) {
  influx->at = line_end(influx);
  const span database = influx->request->database;
  const uint32_t service = service_of(influx->reading, database.at, length_of(database));
  if (!count_metric(influx->reading, service, start)) return false;
  reject_at(influx, line, reason, (span){start, influx->at});
  return true;
}

static bool is_blank(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

void influx_read(influx_reader *influx, reading *reading, const influx_request *request, const uint8_t *body,
                 size_t length) {
  writer *const writers[] = {&influx->plain, &influx->head, &influx->tail, &influx->tags.text};
  influx->reading = reading;
  influx->request = request;
  influx->at = body;
  influx->end = body + length;
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) writer_begin(writers[i], reading->options->max_bytes);
  /* Names and texts of a line have room for as long as they are needed. */
  influx->plain.bound = length + 1;
  bool good = writer_room(&influx->plain, length) != NULL;
  for (uint32_t line = 1; good && influx->at < influx->end;) {
    for (; influx->at < influx->end && is_blank(*influx->at); influx->at++) line += *influx->at == '\n';
    if (influx->at == influx->end) break;
    const uint8_t *start = influx->at;
    if (*start == '#') {
      influx->at = line_end(influx);
      continue;
    }
    const rejection_reason reason = read_line(influx);
    good = reason == rejection_reasons ? write_line(influx, line, start) : reject_line(influx, line, reason, start);
    for (const uint8_t *at = start; at < influx->at; at++) line += *at == '\n';
  }
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) reading->text.full |= writers[i]->full;
  writer_clear(&influx->plain, kept_bytes);
  reading_end(reading, body);
}

#include "otlp.h"

#include <stdlib.h>

enum { kept_bytes = 1 << 20 };

/* A list of all memory that a reader has, beside that of its tags. */
#define EACH_WRITER(otlp, what)                                                                     \
  writer *const what[] = {                                                                          \
      &(otlp)->service_head, &(otlp)->resource_tail, &(otlp)->scope_tail,   &(otlp)->name_text,     \
      &(otlp)->metric_tail,  &(otlp)->exemplars,     &(otlp)->own_tag,      &(otlp)->time.digits,   \
      &(otlp)->start.digits, &(otlp)->nested,        &(otlp)->dropped,      &(otlp)->resource.text, \
      &(otlp)->scope.text,   &(otlp)->point.text,    &(otlp)->exemplar.text}

otlp_reader *otlp_new(void) { return calloc(1, sizeof(otlp_reader)); }

void otlp_free(otlp_reader *otlp) {
  if (otlp == NULL) return;
  EACH_WRITER(otlp, writers);
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) writer_free(writers[i]);
  numbers_free(&otlp->counts);
  numbers_free(&otlp->others);
  free(otlp);
}

/* What a resource says that goes into members of records. */
typedef struct {
  span service, environment, older_environment, sdk_name, sdk_version;
} resource_members;

typedef struct {
  const char *name;
  size_t length;
  size_t offset;
} named_member;

#define MEMBER(name, member) {name, sizeof(name) - 1, offsetof(resource_members, member)}
static const named_member named_members[] = {
    MEMBER("service.name", service),
    MEMBER("deployment.environment.name", environment),
    MEMBER("deployment.environment", older_environment),
    MEMBER("telemetry.sdk.name", sdk_name),
    MEMBER("telemetry.sdk.version", sdk_version),
};

static span *member_named(resource_members *members, span name) {
  for (size_t i = 0; i < sizeof named_members / sizeof *named_members; i++) {
    const named_member *named = &named_members[i];
    if (named->length == length_of(name) && memcmp(named->name, name.at, named->length) == 0)
      return (span *)((char *)members + named->offset);
  }
  return NULL;
}

static bool is_short(span text) { return text.at != NULL && is_at_most(text, max_short_text); }

/* The members that records get; the others are as if they were absent, so that they are tags. */
static void choose_members(resource_members *members) {
  static const span absent = {NULL, NULL};
  if (!is_short(members->environment)) members->environment = absent;
  if (!is_short(members->older_environment) || members->environment.at != NULL) members->older_environment = absent;
  const span name = members->sdk_name, version = members->sdk_version;
  const bool both = name.at != NULL && version.at != NULL;
  if (!both ||
      characters_in(name.at, length_of(name)) + 1 + characters_in(version.at, length_of(version)) > max_short_text)
    members->sdk_name = members->sdk_version = absent;
}

/* Finds the attributes that may be members: texts that are not empty. The first of a name counts. */
static bool find_members(span resource, resource_members *members, fault *fault) {
  enum { attributes = 1 };
  field field;
  attribute attribute;
  resource_members met = {.service = {NULL, NULL}};
  while (next_field(&resource, &field, fault)) {
    if (field.number != attributes) continue;
    if (!is_wire(&field, WIRE_BYTES, fault) || !take_attribute(field.bytes, &attribute, fault)) return false;
    span *first = member_named(&met, attribute.name);
    if (first == NULL || first->at != NULL) continue;
    *first = attribute.name;
    const bool fit = attribute.value.kind == ANY_TEXT && length_of(attribute.value.bytes) > 0;
    if (!fit) continue;
    const span text = attribute.value.bytes;
    if (!is_utf8(text.at, length_of(text))) return fail_at(fault, FAULT_TEXT, text.at);
    *member_named(members, attribute.name) = text;
  }
  return fault->kind == FAULT_NONE;
}

/* Adds the attributes that did not go into members. */
static bool add_tags(otlp_reader *otlp, tag_set *set, span message, uint32_t number, resource_members *members) {
  field field;
  attribute attribute;
  bool added;
  fault *fault = &otlp->reading->fault;
  while (next_field(&message, &field, fault)) {
    if (field.number != number) continue;
    if (!is_wire(&field, WIRE_BYTES, fault) || !take_attribute(field.bytes, &attribute, fault)) return false;
    const span *member = members == NULL ? NULL : member_named(members, attribute.name);
    const bool is_member = member != NULL && member->at != NULL;
    if (is_member && !check_value(otlp, &attribute.value)) return false;
    if (!is_member && !add_attribute(otlp, set, &attribute, &added)) return false;
  }
  return fault->kind == FAULT_NONE;
}

static void put_member(writer *to, const char *start, span text) {
  put_bytes(to, start, strlen(start));
  put_text(to, text.at, length_of(text));
}

/* A text of the settings where there is none. */
static span or_default(span text, const char *given, size_t length) {
  return text.at != NULL ? text : (span){(const uint8_t *)given, (const uint8_t *)given + length};
}

static bool begin_resource(otlp_reader *otlp, span message) {
  enum { attributes = 1 };
  const reader_options *options = otlp->reading->options;
  resource_members members = {.service = {NULL, NULL}};
  if (!find_members(message, &members, &otlp->reading->fault)) return false;
  choose_members(&members);
  tags_clear(&otlp->resource);
  if (!add_tags(otlp, &otlp->resource, message, attributes, &members)) return false;
  const span unknown = or_default((span){NULL, NULL}, options->no_service, options->no_service_length);
  const span service = members.service.at == NULL ? unknown : members.service;
  otlp->service_is_long = !is_at_most(service, max_characters);
  otlp->service_name = otlp->service_is_long ? unknown : service;
  otlp->service_is_known = false;
  writer_clear(&otlp->service_head, kept_bytes);
  put_member(&otlp->service_head, ",\"service_name\":\"", service);
  put_literal(&otlp->service_head, "\",\"metric_name\":\"");
  writer *tail = &otlp->resource_tail;
  writer_clear(tail, kept_bytes);
  const span environment = members.environment.at == NULL ? members.older_environment : members.environment;
  put_member(tail, ",\"environment\":\"", or_default(environment, options->environment, options->environment_length));
  put_member(tail, "\",\"agent_version\":\"",
             or_default(members.sdk_name, options->agent_version, options->agent_version_length));
  if (members.sdk_name.at != NULL) put_member(tail, "/", members.sdk_version);
  put_byte(tail, '"');
  return true;
}

static bool begin_scope(otlp_reader *otlp, span message) {
  enum { name = 1, version = 2, attributes = 3 };
  field field;
  fault *fault = &otlp->reading->fault;
  span left = message, texts[2] = {{NULL, NULL}, {NULL, NULL}};
  while (next_field(&left, &field, fault)) {
    if (field.number != name && field.number != version) continue;
    if (!is_text(&field, fault)) return false;
    texts[field.number - name] = field.bytes;
  }
  if (fault->kind != FAULT_NONE) return false;
  tags_clear(&otlp->scope);
  if (!add_tags(otlp, &otlp->scope, message, attributes, NULL)) return false;
  for (uint32_t i = 0; i < otlp->scope.count; i++)
    hide_tag(&otlp->resource, otlp->scope.tags[i].name, otlp->scope.tags[i].hash, 0, otlp->scope.serial);
  writer_clear(&otlp->scope_tail, kept_bytes);
  if (length_of(texts[0]) == 0) return true;
  put_member(&otlp->scope_tail, ",\"scope\":{\"name\":\"", texts[0]);
  if (length_of(texts[1]) > 0) put_member(&otlp->scope_tail, "\",\"version\":\"", texts[1]);
  put_literal(&otlp->scope_tail, "\"}");
  return true;
}

/* What stands behind a metric's tags: unit and temporality. */
static bool begin_data(otlp_reader *otlp, span data) {
  enum { temporality = 2, monotonic = 3, delta = 1, cumulative = 2 };
  field field;
  fault *fault = &otlp->reading->fault;
  uint32_t given = 0;
  otlp->is_monotonic = false;
  const bool has_temporality = otlp->kind != DATA_GAUGE && otlp->kind != DATA_SUMMARY;
  while (next_field(&data, &field, fault)) {
    const bool is_temporality = has_temporality && field.number == temporality;
    const bool is_monotonic = otlp->kind == DATA_SUM && field.number == monotonic;
    if (!is_temporality && !is_monotonic) continue;
    if (!is_wire(&field, WIRE_VARINT, fault)) return false;
    if (is_temporality) given = (uint32_t)field.bits;
    if (is_monotonic) otlp->is_monotonic = field.bits != 0;
  }
  writer *tail = &otlp->metric_tail;
  writer_clear(tail, kept_bytes);
  if (length_of(otlp->unit) > 0) {
    put_member(tail, ",\"unit\":\"", otlp->unit);
    put_byte(tail, '"');
  }
  if (given == delta) put_literal(tail, ",\"temporality\":\"delta\"");
  if (given == cumulative) put_literal(tail, ",\"temporality\":\"cumulative\"");
  return fault->kind == FAULT_NONE;
}

static bool read_metric(otlp_reader *otlp, span message) {
  enum { name = 1, unit = 3 };
  field field;
  fault *fault = &otlp->reading->fault;
  span data = {NULL, NULL};
  otlp->name = otlp->unit = (span){message.at, message.at};
  while (next_field(&message, &field, fault)) {
    switch (field.number) {
      case name:
      case unit:
        if (!is_text(&field, fault)) return false;
        *(field.number == name ? &otlp->name : &otlp->unit) = field.bytes;
        break;
      case DATA_GAUGE:
      case DATA_SUM:
      case DATA_HISTOGRAM:
      case DATA_EXPONENTIAL:
      case DATA_SUMMARY:
        if (!take_once(&field, &data, fault)) return false;
        otlp->kind = (data_kind)field.number;
        break;
      default:
        break;
    }
  }
  if (fault->kind != FAULT_NONE) return false;
  if (data.at == NULL) return true;
  writer_clear(&otlp->name_text, kept_bytes);
  put_text(&otlp->name_text, otlp->name.at, length_of(otlp->name));
  return begin_data(otlp, data) && read_points(otlp, data);
}

typedef bool reader_of(otlp_reader *otlp, span message);

/* Reads one message of `head`, which may be absent, and then each of `items`. */
static bool read_headed(otlp_reader *otlp, span message, reader_of *read_head, reader_of *read_item) {
  enum { head = 1, items = 2 };
  field field;
  fault *fault = &otlp->reading->fault;
  span left = message, found = {NULL, NULL};
  while (next_field(&left, &field, fault)) {
    if (field.number == head && !take_once(&field, &found, fault)) return false;
    if (field.number == items && !is_wire(&field, WIRE_BYTES, fault)) return false;
  }
  if (fault->kind != FAULT_NONE || !read_head(otlp, found)) return false;
  while (next_field(&message, &field, fault))
    if (field.number == items && !read_item(otlp, field.bytes)) return false;
  return true;
}

static bool read_scope(otlp_reader *otlp, span message) { return read_headed(otlp, message, begin_scope, read_metric); }

static bool read_resource(otlp_reader *otlp, span message) {
  return read_headed(otlp, message, begin_resource, read_scope);
}

void otlp_read(otlp_reader *otlp, reading *reading, const uint8_t *body, size_t length) {
  enum { resource_metrics = 1 };
  field field;
  span message = {body, body + length};
  EACH_WRITER(otlp, writers);
  otlp->reading = reading;
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) writer_begin(writers[i], reading->options->max_bytes);
  while (next_field(&message, &field, &reading->fault)) {
    if (field.number != resource_metrics) continue;
    if (!is_wire(&field, WIRE_BYTES, &reading->fault) || !read_resource(otlp, field.bytes)) break;
  }
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) reading->text.full |= writers[i]->full;
  reading_end(reading, body);
}

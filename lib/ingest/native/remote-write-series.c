#include "remote-write.h"

#include "hash.h"

enum { kept_bytes = 1 << 20 };
/* Of a name with the longest ending that a record adds, _exemplar. */
enum { max_name = max_characters - 9 };

typedef struct {
  span name, value;
} label;

static bool is_called(span name, const char *known) {
  return length_of(name) == strlen(known) && memcmp(name.at, known, length_of(name)) == 0;
}

static void add_tag(tag_set *set, span name, span value) {
  if (tag_begins(set, name, hash_of(name.at, length_of(name))) != TAG_BEGUN) return;
  put_string(&set->text, value.at, length_of(value));
  tag_ends(set);
}

/* An empty label is as good as none. */
static void add_label(remote_write_reader *remote, const label *label) {
  if (length_of(label->value) == 0) return;
  if (is_called(label->name, "__name__")) {
    if (remote->name.at == NULL) remote->name = label->value;
  } else if (is_called(label->name, "job")) {
    if (remote->job.at == NULL) remote->job = label->value;
  } else {
    add_tag(&remote->tags, label->name, label->value);
  }
}

static void add_exemplar_label(remote_write_reader *remote, const label *label) {
  if (length_of(label->value) > 0) add_tag(&remote->exemplar, label->name, label->value);
}

typedef void use_label(remote_write_reader *remote, const label *label);

/* Of 1.0. */
static bool take_label(remote_write_reader *remote, const field *given, use_label *use) {
  enum { name = 1, value = 2 };
  fault *fault = &remote->reading->fault;
  if (!is_wire(given, WIRE_BYTES, fault)) return false;
  span message = given->bytes;
  label label = {{message.at, message.at}, {message.at, message.at}};
  field field;
  while (next_field(&message, &field, fault)) {
    if (field.number != name && field.number != value) continue;
    if (!is_text(&field, fault)) return false;
    *(field.number == name ? &label.name : &label.value) = field.bytes;
  }
  if (fault->kind != FAULT_NONE) return false;
  use(remote, &label);
  return true;
}

/* Of 2.0: pairs of symbols. */
static bool use_references(remote_write_reader *remote, const uint8_t *at, use_label *use) {
  const numbers *references = &remote->references;
  label label;
  if (references->count % 2 != 0) return fail_at(&remote->reading->fault, FAULT_SYMBOL, at);
  for (size_t i = 0; i < references->count; i += 2) {
    if (!symbol_at(remote, references->items[i], at, &label.name)) return false;
    if (!symbol_at(remote, references->items[i + 1], at, &label.value)) return false;
    use(remote, &label);
  }
  return true;
}

/* Adds the labels of a message, a series or an exemplar, which has them in its first field. */
static bool take_labels(remote_write_reader *remote, span message, use_label *use) {
  enum { labels = 1 };
  field field;
  fault *fault = &remote->reading->fault;
  const uint8_t *start = message.at;
  numbers_clear(&remote->references);
  while (next_field(&message, &field, fault)) {
    if (field.number != labels) continue;
    if (remote->is_second ? !take_numbers(&field, WIRE_VARINT, &remote->references, fault)
                          : !take_label(remote, &field, use))
      return false;
  }
  return fault->kind == FAULT_NONE && use_references(remote, start, use);
}

/* The first symbol is as good as none. */
static bool refer(remote_write_reader *remote, uint32_t number, const uint8_t *at, span *text) {
  return number == 0 || symbol_at(remote, number, at, text);
}

/* Of 2.0. */
static bool take_metadata(remote_write_reader *remote, span message) {
  enum { type = 1, help = 3, unit = 4, last = unit };
  field field;
  fault *fault = &remote->reading->fault;
  const uint8_t *at = message.at;
  uint32_t said[last + 1] = {0};
  while (next_field(&message, &field, fault)) {
    if (field.number != type && field.number != help && field.number != unit) continue;
    if (!is_wire(&field, WIRE_VARINT, fault)) return false;
    said[field.number] = (uint32_t)field.bits;
  }
  if (fault->kind != FAULT_NONE) return false;
  remote->type = said[type] <= TYPE_STATESET ? (family_type)said[type] : TYPE_UNKNOWN;
  return refer(remote, said[help], at, &remote->help) && refer(remote, said[unit], at, &remote->unit);
}

/* Of 2.0, what all parts of a series share. */
static bool take_shared(remote_write_reader *remote, span message) {
  enum { metadata = 5, created = 6 };
  field field;
  fault *fault = &remote->reading->fault;
  span said = {NULL, NULL};
  while (next_field(&message, &field, fault)) {
    if (field.number == metadata && !take_once(&field, &said, fault)) return false;
    if (field.number != created) continue;
    if (!is_wire(&field, WIRE_VARINT, fault)) return false;
    remote->created = (int64_t)field.bits;
  }
  return fault->kind == FAULT_NONE && take_metadata(remote, said);
}

static void put_member(writer *to, const char *start, span text) {
  put_bytes(to, start, strlen(start));
  put_text(to, text.at, length_of(text));
}

static void begin_series(remote_write_reader *remote) {
  enum { max_help = 1000 };
  const reader_options *options = remote->reading->options;
  const uint8_t *unknown = (const uint8_t *)options->no_service;
  if (remote->name.at == NULL) remote->name = (span){unknown, unknown};
  const bool service_is_long = !is_at_most(remote->job, max_characters);
  if (remote->job.at == NULL || service_is_long) remote->job = (span){unknown, unknown + options->no_service_length};
  remote->rejected = service_is_long                       ? REJECTED_SERVICE_LONG
                     : length_of(remote->name) == 0        ? REJECTED_NAME_EMPTY
                     : !is_at_most(remote->name, max_name) ? REJECTED_NAME_LONG
                                                           : rejection_reasons;
  remote->service = service_of(remote->reading, remote->job.at, length_of(remote->job));
  if (!remote->is_second) remote->type = type_of(&remote->families, remote->name);
  writer_clear(&remote->head, kept_bytes);
  put_member(&remote->head, ",\"service_name\":\"", remote->job);
  put_member(&remote->head, "\",\"metric_name\":\"", remote->name);
  writer *tail = &remote->tail;
  writer_clear(tail, kept_bytes);
  put_literal(tail, ",\"environment\":");
  put_string(tail, (const uint8_t *)options->environment, options->environment_length);
  put_literal(tail, ",\"agent_version\":");
  put_string(tail, (const uint8_t *)options->agent_version, options->agent_version_length);
  if (length_of(remote->unit) > 0) {
    put_member(tail, ",\"unit\":\"", remote->unit);
    put_byte(tail, '"');
  }
  if (length_of(remote->help) == 0 || !is_at_most(remote->help, max_help)) return;
  put_member(tail, ",\"help\":\"", remote->help);
  put_byte(tail, '"');
}

static bool read_sample(remote_write_reader *remote, span message) {
  enum { value = 1, timestamp = 2, start_timestamp = 3 };
  field field;
  fault *fault = &remote->reading->fault;
  uint64_t bits = 0;
  int64_t time = 0, start = remote->created;
  while (next_field(&message, &field, fault)) {
    if (field.number == value) {
      if (!is_wire(&field, WIRE_FIXED64, fault)) return false;
      bits = field.bits;
    } else if (field.number == timestamp || (remote->is_second && field.number == start_timestamp)) {
      if (!is_wire(&field, WIRE_VARINT, fault)) return false;
      *(field.number == timestamp ? &time : &start) = (int64_t)field.bits;
    }
  }
  if (fault->kind != FAULT_NONE) return false;
  if (!judge_part(remote, PART_SAMPLE, time, bits)) return true;
  begin_part(remote, time, "", record_type(remote));
  put_number(&remote->reading->text, double_of(bits));
  end_part(remote, start, NULL, NULL);
  return true;
}

/* An exemplar has a record of its own, as Prometheus sends it apart from samples. */
static bool read_exemplar(remote_write_reader *remote, span message) {
  enum { value = 2, timestamp = 3 };
  static const uint64_t nobody[max_layers] = {NO_SET, NO_SET};
  field field;
  fault *fault = &remote->reading->fault;
  uint64_t bits = 0;
  int64_t time = 0;
  tags_clear(&remote->exemplar);
  if (!take_labels(remote, message, add_exemplar_label)) return false;
  while (next_field(&message, &field, fault)) {
    if (field.number != value && field.number != timestamp) continue;
    if (!is_wire(&field, field.number == value ? WIRE_FIXED64 : WIRE_VARINT, fault)) return false;
    if (field.number == value) bits = field.bits;
    if (field.number == timestamp) time = (int64_t)field.bits;
  }
  if (fault->kind != FAULT_NONE) return false;
  if (!judge_part(remote, PART_EXEMPLAR, time, bits)) return true;
  writer *text = &remote->exemplar_text;
  writer_clear(text, kept_bytes);
  put_literal(text, ",\"exemplars\":[{\"timestamp\":");
  put_int64(text, time);
  put_literal(text, ",\"value\":");
  put_number(text, double_of(bits));
  if (remote->exemplar.count > 0) {
    put_literal(text, ",\"tags\":");
    const size_t open = text->length;
    put_tags(text, &remote->exemplar, nobody);
    if (!text->full) text->bytes[open] = '{';
    put_byte(text, '}');
  }
  put_literal(text, "}]");
  begin_part(remote, time, "_exemplar", "gauge");
  put_number(&remote->reading->text, double_of(bits));
  end_part(remote, 0, NULL, text);
  return true;
}

bool read_series(remote_write_reader *remote, span message) {
  /* Of 1.0; in 2.0, exemplars and histograms have changed places. */
  enum { samples = 2, exemplars = 3, histograms = 4 };
  field field;
  fault *fault = &remote->reading->fault;
  const uint32_t exemplar = remote->is_second ? histograms : exemplars,
                 histogram = remote->is_second ? exemplars : histograms;
  tags_clear(&remote->tags);
  remote->name = remote->job = remote->unit = remote->help = (span){NULL, NULL};
  remote->type = TYPE_UNKNOWN;
  remote->created = 0;
  if (!take_labels(remote, message, add_label) || (remote->is_second && !take_shared(remote, message))) return false;
  begin_series(remote);
  while (next_field(&message, &field, fault)) {
    if (field.number < samples || field.number > histograms) continue;
    if (!is_wire(&field, WIRE_BYTES, fault) || !count_metric(remote->reading, remote->service, field.at)) return false;
    if (field.number == samples && !read_sample(remote, field.bytes)) return false;
    if (field.number == histogram && !read_native_histogram(remote, field.bytes)) return false;
    if (field.number == exemplar && !read_exemplar(remote, field.bytes)) return false;
    if (remote->reading->text.full) return fail_at(fault, FAULT_TOO_LARGE, field.at);
  }
  return fault->kind == FAULT_NONE;
}

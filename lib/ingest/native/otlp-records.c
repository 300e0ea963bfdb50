#include "otlp.h"

#include <math.h>

enum { kept_bytes = 1 << 20 };
enum { max_route = 500, max_method = 10, max_status = 999 };

bool check_value(otlp_reader *otlp, const any_value *value) {
  writer_clear(&otlp->dropped, kept_bytes);
  return put_as_text(&otlp->dropped, value, &otlp->nested, &otlp->reading->fault);
}

bool add_attribute(otlp_reader *otlp, tag_set *set, const attribute *attribute, bool *added) {
  fault *fault = &otlp->reading->fault;
  const tag_beginning beginning =
      tag_begins(set, attribute->name, hash_of(attribute->name.at, length_of(attribute->name)));
  *added = beginning == TAG_BEGUN;
  if (beginning == TAG_NOT_UTF8) return fail_at(fault, FAULT_TEXT, attribute->name.at);
  if (!*added) return check_value(otlp, &attribute->value);
  put_byte(&set->text, '"');
  const bool good = put_as_text(&set->text, &attribute->value, &otlp->nested, fault);
  put_byte(&set->text, '"');
  tag_ends(set);
  return good;
}

/* What an exemplar is made of, apart from its tags. */
typedef struct {
  uint64_t time, bits;
  bool has_value, is_integer;
  span trace_id, span_id;
} exemplar;

static void put_id(writer *to, const char *start, span id) {
  if (length_of(id) == 0) return;
  put_bytes(to, start, strlen(start));
  put_hex(to, id.at, length_of(id));
  put_byte(to, '"');
}

static void put_exemplar(writer *to, const exemplar *exemplar, const tag_set *tags) {
  static const uint64_t nobody[max_layers] = {NO_SET, NO_SET};
  put_literal(to, ",{");
  if (exemplar->time >= nanoseconds_a_millisecond) {
    put_literal(to, "\"timestamp\":");
    put_uint64(to, exemplar->time / nanoseconds_a_millisecond);
    put_byte(to, ',');
  }
  put_literal(to, "\"value\":");
  if (exemplar->is_integer)
    put_int64(to, (int64_t)exemplar->bits);
  else
    put_number(to, double_of(exemplar->bits));
  put_id(to, ",\"trace_id\":\"", exemplar->trace_id);
  put_id(to, ",\"span_id\":\"", exemplar->span_id);
  if (tags->count > 0) {
    put_literal(to, ",\"tags\":");
    const size_t open = to->length;
    put_tags(to, tags, nobody);
    if (!to->full) to->bytes[open] = '{';
    put_byte(to, '}');
  }
  put_byte(to, '}');
}

bool add_exemplar(otlp_reader *otlp, span message) {
  enum { time = 2, as_double = 3, span_id = 4, trace_id = 5, as_int = 6, attributes = 7 };
  field field;
  attribute attribute;
  bool added;
  exemplar exemplar = {.trace_id = {message.at, message.at}, .span_id = {message.at, message.at}};
  fault *fault = &otlp->reading->fault;
  tags_clear(&otlp->exemplar);
  while (next_field(&message, &field, fault)) {
    switch (field.number) {
      case time:
      case as_double:
      case as_int:
        if (!is_wire(&field, WIRE_FIXED64, fault)) return false;
        if (field.number == time) {
          exemplar.time = field.bits;
          break;
        }
        if (exemplar.has_value) return fail_at(fault, FAULT_TWICE, field.at);
        exemplar.bits = field.bits;
        exemplar.has_value = true;
        exemplar.is_integer = field.number == as_int;
        break;
      case span_id:
      case trace_id:
        if (!is_wire(&field, WIRE_BYTES, fault)) return false;
        *(field.number == span_id ? &exemplar.span_id : &exemplar.trace_id) = field.bytes;
        break;
      case attributes:
        if (!is_wire(&field, WIRE_BYTES, fault) || !take_attribute(field.bytes, &attribute, fault)) return false;
        if (!add_attribute(otlp, &otlp->exemplar, &attribute, &added)) return false;
        break;
      default:
        break;
    }
  }
  if (fault->kind != FAULT_NONE) return false;
  otlp->too_many_tags |= otlp->exemplar.overflow;
  if (exemplar.has_value && (exemplar.is_integer || isfinite(double_of(exemplar.bits))))
    put_exemplar(&otlp->exemplars, &exemplar, &otlp->exemplar);
  return true;
}

/* The instant in digits; that of the point before is often the same. */
static void put_instant(writer *to, instant *last, uint64_t milliseconds) {
  if (last->milliseconds != milliseconds || last->digits.length == 0) {
    writer_clear(&last->digits, kept_bytes);
    put_uint64(&last->digits, milliseconds);
    last->milliseconds = milliseconds;
  }
  put_all(to, &last->digits);
}

void begin_record(otlp_reader *otlp, const data_point *point, const char *suffix, const char *type) {
  writer *to = &otlp->reading->text;
  const uint64_t time = point->time / nanoseconds_a_millisecond;
  put_literal(to, "{\"timestamp\":");
  put_instant(to, &otlp->time, time == 0 ? (uint64_t)otlp->reading->request->now : time);
  put_all(to, &otlp->service_head);
  put_all(to, &otlp->name_text);
  put_bytes(to, suffix, strlen(suffix));
  put_literal(to, "\",\"metric_type\":\"");
  put_bytes(to, type, strlen(type));
  put_literal(to, "\",\"value\":");
}

void begin_own_tag(otlp_reader *otlp, const char *name) {
  const span text = {(const uint8_t *)name, (const uint8_t *)name + strlen(name)};
  const uint64_t hash = hash_of(text.at, length_of(text)), serial = otlp->point.serial;
  hide_tag(&otlp->point, text, hash, 0, serial);
  hide_tag(&otlp->scope, text, hash, 1, serial);
  hide_tag(&otlp->resource, text, hash, 1, serial);
  writer_clear(&otlp->own_tag, kept_bytes);
  put_literal(&otlp->own_tag, ",\"");
  put_bytes(&otlp->own_tag, name, length_of(text));
  put_literal(&otlp->own_tag, "\":\"");
}

static uint32_t count_visible(const tag_set *set, const uint64_t serials[max_layers]) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < set->count; i++) count += !is_hidden(set->tags[i].hidden_by, serials);
  return count;
}

uint32_t count_tags(const otlp_reader *otlp) {
  const uint64_t of_scope[max_layers] = {NO_SET, otlp->point.serial};
  const uint64_t of_resource[max_layers] = {otlp->scope.serial, otlp->point.serial};
  return otlp->point.count + count_visible(&otlp->scope, of_scope) + count_visible(&otlp->resource, of_resource);
}

static void put_all_tags(otlp_reader *otlp, bool own_tag) {
  const uint64_t serial = otlp->point.serial;
  const uint64_t of_point[max_layers] = {own_tag ? serial : NO_SET, NO_SET};
  const uint64_t of_scope[max_layers] = {NO_SET, serial};
  const uint64_t of_resource[max_layers] = {otlp->scope.serial, serial};
  writer *to = &otlp->reading->text;
  const size_t start = to->length;
  put_literal(to, ",\"tags\":");
  const size_t open = to->length;
  if (own_tag) put_all(to, &otlp->own_tag);
  put_tags(to, &otlp->point, of_point);
  put_tags(to, &otlp->scope, of_scope);
  put_tags(to, &otlp->resource, of_resource);
  if (to->length == open) {
    to->length = start;
  } else if (!to->full) {
    /* In the place of the first comma. */
    to->bytes[open] = '{';
    put_byte(to, '}');
  }
}

static bool is_fit(const any_value *value, size_t longest) {
  return value->kind == ANY_TEXT && length_of(value->bytes) > 0 && is_at_most(value->bytes, longest);
}

/* The first that is not too long for the member, if any. */
static void put_short_text(writer *to, const char *start, const any_value *value, const any_value *other,
                           size_t longest) {
  if (!is_fit(value, longest)) value = other;
  if (!is_fit(value, longest)) return;
  put_bytes(to, start, strlen(start));
  put_text(to, value->bytes.at, length_of(value->bytes));
  put_byte(to, '"');
}

static bool is_status(const any_value *value) { return value->kind == ANY_INT && value->bits <= max_status; }

static void put_http(writer *to, const http_attributes *http) {
  put_short_text(to, ",\"endpoint\":\"", &http->route, &http->route, max_route);
  put_short_text(to, ",\"method\":\"", &http->method, &http->older_method, max_method);
  const any_value *status = is_status(&http->status_code) ? &http->status_code : &http->older_status_code;
  if (!is_status(status)) return;
  put_literal(to, ",\"status_code\":");
  put_uint64(to, status->bits);
}

void end_record(otlp_reader *otlp, const data_point *point, record_end end) {
  writer *to = &otlp->reading->text;
  const reading_request *request = otlp->reading->request;
  put_all_tags(otlp, end == WITH_OWN_TAG);
  if (point->has_http) put_http(to, &otlp->http);
  put_all(to, &otlp->resource_tail);
  put_all(to, &otlp->metric_tail);
  if (point->start >= nanoseconds_a_millisecond) {
    put_literal(to, ",\"start_timestamp\":");
    put_instant(to, &otlp->start, point->start / nanoseconds_a_millisecond);
  }
  put_all(to, &otlp->scope_tail);
  if (end == WITH_EXEMPLARS && otlp->exemplars.length > 0) {
    put_literal(to, ",\"exemplars\":");
    const size_t open = to->length;
    put_all(to, &otlp->exemplars);
    if (!to->full) to->bytes[open] = '[';
    put_byte(to, ']');
  }
  put_bytes(to, request->suffix, request->suffix_length);
  put_byte(to, '}');
  end_line(otlp->reading, otlp->service);
}

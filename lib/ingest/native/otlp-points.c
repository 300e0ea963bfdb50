#include "otlp.h"

#include <math.h>

enum { kept_bytes = 1 << 20 };
/* Of a name with the longest ending that a record adds, _bucket. */
enum { max_shorter_name = max_characters - 7 };
enum { no_recorded_value = 1 };

/* Quantiles of a summary: pairs, in otlp->others. */
enum { quantile_size = 2 };

/* Where fields stand in the message of a kind of point; 0 for those that it does not have. */
typedef struct {
  uint32_t attributes, exemplars, flags, count, sum, min, max;
} layout;

static const layout layouts[] = {
    [DATA_GAUGE] = {.attributes = 7, .exemplars = 5, .flags = 8},
    [DATA_SUM] = {.attributes = 7, .exemplars = 5, .flags = 8},
    [DATA_HISTOGRAM] = {.attributes = 9, .exemplars = 8, .flags = 10, .count = 4, .sum = 5, .min = 11, .max = 12},
    [DATA_EXPONENTIAL] = {.attributes = 1, .exemplars = 11, .flags = 10, .count = 4, .sum = 5, .min = 12, .max = 13},
    [DATA_SUMMARY] = {.attributes = 7, .flags = 8, .count = 4, .sum = 5},
};
enum { start_time = 2, point_time = 3 };

static any_value *http_member(http_attributes *http, span name) {
  const char *const text = (const char *)name.at;
#define IS(known) (memcmp(text, known, sizeof(known) - 1) == 0)
  switch (length_of(name)) {
    case sizeof("http.route") - 1:
      return IS("http.route") ? &http->route : NULL;
    case sizeof("http.method") - 1:
      return IS("http.method") ? &http->older_method : NULL;
    case sizeof("http.status_code") - 1:
      return IS("http.status_code") ? &http->older_status_code : NULL;
    case sizeof("http.request.method") - 1:
      return IS("http.request.method") ? &http->method : NULL;
    case sizeof("http.response.status_code") - 1:
      return IS("http.response.status_code") ? &http->status_code : NULL;
    default:
      return NULL;
  }
#undef IS
}

static bool take_point_attribute(otlp_reader *otlp, const field *field, data_point *point) {
  attribute attribute;
  bool added;
  fault *fault = &otlp->reading->fault;
  if (!is_wire(field, WIRE_BYTES, fault) || !take_attribute(field->bytes, &attribute, fault)) return false;
  if (!add_attribute(otlp, &otlp->point, &attribute, &added)) return false;
  any_value *member = added ? http_member(&otlp->http, attribute.name) : NULL;
  if (member == NULL) return true;
  if (!point->has_http) otlp->http = (http_attributes){.route = {.kind = ANY_NONE}};
  point->has_http = true;
  *member = attribute.value;
  return true;
}

/* A field of one kind of point alone. */
typedef bool own_field(otlp_reader *otlp, const field *field, data_point *point);

static bool take_number_field(otlp_reader *otlp, const field *field, data_point *point) {
  enum { as_double = 4, as_int = 6 };
  if (field->number != as_double && field->number != as_int) return true;
  if (!is_wire(field, WIRE_FIXED64, &otlp->reading->fault)) return false;
  if (point->has_value) return fail_at(&otlp->reading->fault, FAULT_TWICE, field->at);
  point->bits = field->bits;
  point->has_value = true;
  point->is_integer = field->number == as_int;
  return true;
}

static bool take_histogram_field(otlp_reader *otlp, const field *field, data_point *point) {
  enum { bucket_counts = 6, explicit_bounds = 7 };
  (void)point;
  fault *fault = &otlp->reading->fault;
  if (field->number == bucket_counts) return take_numbers(field, WIRE_FIXED64, &otlp->counts, fault);
  if (field->number == explicit_bounds) return take_numbers(field, WIRE_FIXED64, &otlp->others, fault);
  return true;
}

static bool take_exponential_field(otlp_reader *otlp, const field *field, data_point *point) {
  enum { scale = 6, zero_count = 7, positive = 8, negative = 9, zero_threshold = 14 };
  fault *fault = &otlp->reading->fault;
  switch (field->number) {
    case scale:
      point->scale = (int32_t)unzigzag((uint32_t)field->bits);
      return is_wire(field, WIRE_VARINT, fault);
    case zero_count:
      point->zero_count = field->bits;
      return is_wire(field, WIRE_FIXED64, fault);
    case zero_threshold:
      point->zero_threshold = double_of(field->bits);
      return is_wire(field, WIRE_FIXED64, fault);
    case positive:
      return take_once(field, &point->positive.message, fault) && take_buckets(otlp, &point->positive, &otlp->counts);
    case negative:
      return take_once(field, &point->negative.message, fault) && take_buckets(otlp, &point->negative, &otlp->others);
    default:
      return true;
  }
}

static bool take_summary_field(otlp_reader *otlp, const field *given, data_point *point) {
  enum { quantiles = 6, quantile = 1, value = 2 };
  (void)point;
  fault *fault = &otlp->reading->fault;
  if (given->number != quantiles) return true;
  if (!is_wire(given, WIRE_BYTES, fault)) return false;
  span message = given->bytes;
  field field;
  uint64_t pair[quantile_size] = {0, 0};
  while (next_field(&message, &field, fault)) {
    if (field.number != quantile && field.number != value) continue;
    if (!is_wire(&field, WIRE_FIXED64, fault)) return false;
    pair[field.number - quantile] = field.bits;
  }
  return fault->kind == FAULT_NONE && add_number(&otlp->others, pair[0], fault, given->at) &&
         add_number(&otlp->others, pair[1], fault, given->at);
}

static own_field *const own_fields[] = {
    [DATA_GAUGE] = take_number_field,        [DATA_SUM] = take_number_field,
    [DATA_HISTOGRAM] = take_histogram_field, [DATA_EXPONENTIAL] = take_exponential_field,
    [DATA_SUMMARY] = take_summary_field,
};

/* Whether the field is one of the counts and sums that several kinds have; takes it then. */
static bool is_figure(const layout *layout, const field *field, data_point *point) {
  if (field->number == layout->count) {
    point->count = field->bits;
  } else if (field->number == layout->sum) {
    point->sum = double_of(field->bits);
    point->has_sum = isfinite(point->sum);
  } else if (field->number == layout->min) {
    point->min = double_of(field->bits);
    point->has_min = isfinite(point->min);
  } else if (field->number == layout->max) {
    point->max = double_of(field->bits);
    point->has_max = isfinite(point->max);
  } else {
    return false;
  }
  return true;
}

static bool take_point_field(otlp_reader *otlp, const field *field, data_point *point) {
  const layout *layout = &layouts[otlp->kind];
  fault *fault = &otlp->reading->fault;
  if (field->number == layout->attributes) return take_point_attribute(otlp, field, point);
  if (field->number == start_time || field->number == point_time) {
    *(field->number == start_time ? &point->start : &point->time) = field->bits;
    return is_wire(field, WIRE_FIXED64, fault);
  }
  if (field->number == layout->flags) {
    point->flags = field->bits;
    return is_wire(field, WIRE_VARINT, fault);
  }
  if (field->number == layout->exemplars) return is_wire(field, WIRE_BYTES, fault) && add_exemplar(otlp, field->bytes);
  if (is_figure(layout, field, point)) return is_wire(field, WIRE_FIXED64, fault);
  return own_fields[otlp->kind](otlp, field, point);
}

static bool take_point(otlp_reader *otlp, span message, data_point *point) {
  field field;
  tags_clear(&otlp->point);
  writer_clear(&otlp->exemplars, kept_bytes);
  numbers_clear(&otlp->counts);
  numbers_clear(&otlp->others);
  otlp->too_many_tags = false;
  while (next_field(&message, &field, &otlp->reading->fault))
    if (!take_point_field(otlp, &field, point)) return false;
  if (otlp->reading->fault.kind != FAULT_NONE) return false;
  for (uint32_t i = 0; i < otlp->point.count; i++) {
    const tag *tag = &otlp->point.tags[i];
    hide_tag(&otlp->scope, tag->name, tag->hash, 1, otlp->point.serial);
    hide_tag(&otlp->resource, tag->name, tag->hash, 1, otlp->point.serial);
  }
  return true;
}

static bool is_number(const otlp_reader *otlp) { return otlp->kind == DATA_GAUGE || otlp->kind == DATA_SUM; }

static bool has_too_many_tags(const otlp_reader *otlp) {
  if (otlp->too_many_tags || otlp->point.overflow || otlp->scope.overflow || otlp->resource.overflow) return true;
  return otlp->point.count + otlp->scope.count + otlp->resource.count > max_tags && count_tags(otlp) > max_tags;
}

/* Why the point is rejected for its service or name; rejection_reasons for none. */
static rejection_reason judge_names(const otlp_reader *otlp) {
  const size_t longest = is_number(otlp) ? max_characters : max_shorter_name;
  if (otlp->service_is_long) return REJECTED_SERVICE_LONG;
  if (length_of(otlp->name) == 0) return REJECTED_NAME_EMPTY;
  return is_at_most(otlp->name, longest) ? rejection_reasons : REJECTED_NAME_LONG;
}

static rejection_reason judge_time(const otlp_reader *otlp, const data_point *point) {
  const reading_request *request = otlp->reading->request;
  const int64_t time = (int64_t)(point->time / nanoseconds_a_millisecond);
  if (time == 0) return rejection_reasons;
  if (time < request->oldest) return REJECTED_OLD;
  return time > request->newest ? REJECTED_NEW : rejection_reasons;
}

/* Whether the point has a record; if not, it is counted. */
static bool judge(otlp_reader *otlp, const data_point *point) {
  reading *reading = otlp->reading;
  rejection_reason reason = judge_names(otlp);
  if (reason == rejection_reasons && (point->flags & no_recorded_value) != 0) return skip(reading, SKIPPED_NO_VALUE);
  if (reason == rejection_reasons) reason = judge_time(otlp, point);
  if (reason == rejection_reasons && is_number(otlp)) {
    if (!point->has_value) return skip(reading, SKIPPED_NO_VALUE);
    if (!point->is_integer && !isfinite(double_of(point->bits))) return skip(reading, SKIPPED_NOT_FINITE);
  }
  if (reason == rejection_reasons && otlp->kind == DATA_HISTOGRAM && !is_good_histogram(otlp))
    reason = REJECTED_HISTOGRAM;
  if (reason == rejection_reasons && has_too_many_tags(otlp)) reason = REJECTED_TAGS;
  return reason == rejection_reasons || reject(reading, reason, otlp->name.at, length_of(otlp->name));
}

static void write_number(otlp_reader *otlp, const data_point *point) {
  writer *to = &otlp->reading->text;
  begin_record(otlp, point, "", otlp->is_monotonic ? "counter" : "gauge");
  if (point->is_integer)
    put_int64(to, (int64_t)point->bits);
  else
    put_number(to, double_of(point->bits));
  end_record(otlp, point, WITH_EXEMPLARS);
}

static void write_summary(otlp_reader *otlp, const data_point *point) {
  begin_record(otlp, point, "_count", "counter");
  put_uint64(&otlp->reading->text, point->count);
  end_record(otlp, point, PLAIN);
  write_sum(otlp, point);
  for (size_t i = 0; i < otlp->others.count; i += quantile_size) {
    const double quantile = double_of(otlp->others.items[i]), value = double_of(otlp->others.items[i + 1]);
    if (!isfinite(quantile) || !isfinite(value)) continue;
    begin_own_tag(otlp, "quantile");
    put_number(&otlp->own_tag, quantile);
    put_byte(&otlp->own_tag, '"');
    begin_record(otlp, point, "", "gauge");
    put_number(&otlp->reading->text, value);
    end_record(otlp, point, WITH_OWN_TAG);
  }
}

static void write_point(otlp_reader *otlp, const data_point *point) {
  accept(otlp->reading);
  if (is_number(otlp))
    write_number(otlp, point);
  else if (otlp->kind == DATA_SUMMARY)
    write_summary(otlp, point);
  else
    write_histogram(otlp, point);
}

bool read_points(otlp_reader *otlp, span data) {
  enum { data_points = 1 };
  field field;
  fault *fault = &otlp->reading->fault;
  while (next_field(&data, &field, fault)) {
    if (field.number != data_points) continue;
    if (!is_wire(&field, WIRE_BYTES, fault)) return false;
    if (!otlp->service_is_known) {
      otlp->service = service_of(otlp->reading, otlp->service_name.at, length_of(otlp->service_name));
      otlp->service_is_known = true;
    }
    /* The sum of a summary is always there. */
    data_point point = {.has_sum = otlp->kind == DATA_SUMMARY};
    if (!count_metric(otlp->reading, otlp->service, field.at) || !take_point(otlp, field.bytes, &point)) return false;
    if (judge(otlp, &point)) write_point(otlp, &point);
    if (otlp->reading->text.full) return fail_at(fault, FAULT_TOO_LARGE, field.at);
  }
  return fault->kind == FAULT_NONE;
}

#include "bounds.h"
#include "otlp.h"

#include <math.h>

bool take_buckets(otlp_reader *otlp, buckets *buckets, numbers *counts) {
  enum { offset = 1, bucket_counts = 2 };
  field field;
  fault *fault = &otlp->reading->fault;
  span message = buckets->message;
  while (next_field(&message, &field, fault)) {
    if (field.number == offset) {
      if (!is_wire(&field, WIRE_VARINT, fault)) return false;
      buckets->offset = (int32_t)unzigzag((uint32_t)field.bits);
    } else if (field.number == bucket_counts) {
      if (!take_numbers(&field, WIRE_VARINT, counts, fault)) return false;
    }
  }
  return fault->kind == FAULT_NONE;
}

/* Bounds must be finite and ascending, and there is one more count than bounds, or none of either. */
bool is_good_histogram(const otlp_reader *otlp) {
  const numbers *counts = &otlp->counts, *bounds = &otlp->others;
  if (counts->count == 0 ? bounds->count > 0 : counts->count != bounds->count + 1) return false;
  for (size_t i = 0; i < bounds->count; i++) {
    const double bound = double_of(bounds->items[i]);
    if (!isfinite(bound) || (i > 0 && !(double_of(bounds->items[i - 1]) < bound))) return false;
  }
  return true;
}

static void put_counts(writer *to, const char *start, const numbers *counts) {
  put_bytes(to, start, strlen(start));
  for (size_t i = 0; i < counts->count; i++) {
    if (i > 0) put_byte(to, ',');
    put_uint64(to, counts->items[i]);
  }
  put_byte(to, ']');
}

static void put_doubles(writer *to, const char *start, const numbers *doubles) {
  put_bytes(to, start, strlen(start));
  for (size_t i = 0; i < doubles->count; i++) {
    if (i > 0) put_byte(to, ',');
    put_number(to, double_of(doubles->items[i]));
  }
  put_byte(to, ']');
}

static void put_optional(writer *to, bool is_there, const char *start, double value) {
  if (!is_there) return;
  put_bytes(to, start, strlen(start));
  put_number(to, value);
}

static void put_buckets(writer *to, const char *start, int32_t offset, const numbers *counts) {
  if (counts->count == 0) return;
  put_bytes(to, start, strlen(start));
  put_int64(to, offset);
  put_counts(to, ",\"counts\":[", counts);
  put_byte(to, '}');
}

/* The whole distribution, as a member of the record of its count. */
static void put_distribution(otlp_reader *otlp, const data_point *point) {
  writer *to = &otlp->reading->text;
  put_literal(to, ",\"histogram\":{\"count\":");
  put_uint64(to, point->count);
  put_optional(to, point->has_sum, ",\"sum\":", point->sum);
  put_optional(to, point->has_min, ",\"min\":", point->min);
  put_optional(to, point->has_max, ",\"max\":", point->max);
  if (otlp->kind == DATA_HISTOGRAM && otlp->counts.count > 0) {
    put_doubles(to, ",\"bounds\":[", &otlp->others);
    put_counts(to, ",\"counts\":[", &otlp->counts);
  } else if (otlp->kind == DATA_EXPONENTIAL) {
    put_literal(to, ",\"scale\":");
    put_int64(to, point->scale);
    put_literal(to, ",\"zero_count\":");
    put_uint64(to, point->zero_count);
    const bool has_threshold = isfinite(point->zero_threshold) && point->zero_threshold != 0;
    put_optional(to, has_threshold, ",\"zero_threshold\":", point->zero_threshold);
    put_buckets(to, ",\"positive\":{\"offset\":", point->positive.offset, &otlp->counts);
    put_buckets(to, ",\"negative\":{\"offset\":", point->negative.offset, &otlp->others);
  }
  put_byte(to, '}');
}

void write_sum(otlp_reader *otlp, const data_point *point) {
  if (!point->has_sum) return;
  begin_record(otlp, point, "_sum", "counter");
  put_number(&otlp->reading->text, point->sum);
  end_record(otlp, point, PLAIN);
}

/* The record of all that is at most `bound`; none for a bound that is no number of JSON. */
static void write_bucket(otlp_reader *otlp, const data_point *point, double bound, total count) {
  if (!isfinite(bound)) return;
  begin_own_tag(otlp, "le");
  put_number(&otlp->own_tag, bound);
  put_byte(&otlp->own_tag, '"');
  begin_record(otlp, point, "_bucket", "counter");
  put_total(&otlp->reading->text, count);
  end_record(otlp, point, WITH_OWN_TAG);
}

static void write_last_bucket(otlp_reader *otlp, const data_point *point) {
  begin_own_tag(otlp, "le");
  put_literal(&otlp->own_tag, "+Inf\"");
  begin_record(otlp, point, "_bucket", "counter");
  put_uint64(&otlp->reading->text, point->count);
  end_record(otlp, point, WITH_OWN_TAG);
}

static void write_explicit_buckets(otlp_reader *otlp, const data_point *point) {
  total below = 0;
  for (size_t i = 0; i < otlp->others.count && !otlp->reading->text.full; i++) {
    below += otlp->counts.items[i];
    write_bucket(otlp, point, double_of(otlp->others.items[i]), below);
  }
}

static void write_exponential_buckets(otlp_reader *otlp, const data_point *point) {
  const numbers *positive = &otlp->counts, *negative = &otlp->others;
  const bool *full = &otlp->reading->text.full;
  total below = 0;
  for (size_t i = negative->count; i > 0 && !*full; i--) {
    below += negative->items[i - 1];
    write_bucket(otlp, point, -bound_at(point->scale, (double)point->negative.offset + (double)(i - 1)), below);
  }
  below += point->zero_count;
  write_bucket(otlp, point, isfinite(point->zero_threshold) ? rounded_bound(point->zero_threshold) : 0, below);
  for (size_t i = 0; i < positive->count && !*full; i++) {
    below += positive->items[i];
    write_bucket(otlp, point, bound_at(point->scale, (double)point->positive.offset + (double)(i + 1)), below);
  }
}

void write_histogram(otlp_reader *otlp, const data_point *point) {
  begin_record(otlp, point, "_count", "histogram");
  put_uint64(&otlp->reading->text, point->count);
  put_distribution(otlp, point);
  end_record(otlp, point, WITH_EXEMPLARS);
  write_sum(otlp, point);
  if (!otlp->reading->options->buckets) return;
  if (otlp->kind == DATA_HISTOGRAM)
    write_explicit_buckets(otlp, point);
  else
    write_exponential_buckets(otlp, point);
  write_last_bucket(otlp, point);
}

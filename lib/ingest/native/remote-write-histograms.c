#include "remote-write.h"

#include "bounds.h"
#include "hash.h"

#include <math.h>

enum { kept_bytes = 1 << 20 };
/* Buckets of one side, with the empty ones between them. */
enum { max_buckets = 1 << 14 };
/* The schema of histograms whose buckets have bounds of their own. */
enum { custom_bounds = -53 };
enum { span_size = 2 };

static bool take_span(const field *given, buckets_side *side, fault *fault) {
  enum { offset = 1, length = 2 };
  field field;
  if (!is_wire(given, WIRE_BYTES, fault)) return false;
  span message = given->bytes;
  uint64_t pair[span_size] = {0, 0};
  while (next_field(&message, &field, fault)) {
    if (field.number != offset && field.number != length) continue;
    if (!is_wire(&field, WIRE_VARINT, fault)) return false;
    pair[field.number - offset] = field.bits;
  }
  return fault->kind == FAULT_NONE && add_number(&side->spans, pair[0], fault, given->at) &&
         add_number(&side->spans, pair[1], fault, given->at);
}

/* A count, which is an integer or a double, once. */
static bool take_count(const field *field, bool is_float, bool *has, bool *was_float, uint64_t *count, fault *fault) {
  if (!is_wire(field, is_float ? WIRE_FIXED64 : WIRE_VARINT, fault)) return false;
  if (*has) return fail_at(fault, FAULT_TWICE, field->at);
  *has = true;
  *was_float = is_float;
  *count = field->bits;
  return true;
}

static bool take_field_of(remote_write_reader *remote, const field *field, native_histogram *histogram) {
  enum {
    count_int = 1,
    count_float,
    sum,
    schema,
    zero_threshold,
    zero_int,
    zero_float,
    negative_spans,
    negative_deltas
  };
  enum {
    negative_counts = 10,
    positive_spans,
    positive_deltas,
    positive_counts,
    timestamp = 15,
    custom_values,
    start = 17
  };
  fault *fault = &remote->reading->fault;
  buckets_side *positive = &remote->positive, *negative = &remote->negative;
  switch (field->number) {
    case count_int:
    case count_float:
      return take_count(field, field->number == count_float, &histogram->has_count, &histogram->is_float,
                        &histogram->count, fault);
    case zero_int:
    case zero_float:
      return take_count(field, field->number == zero_float, &histogram->has_zero_count, &histogram->zero_is_float,
                        &histogram->zero_count, fault);
    case sum:
      histogram->sum_bits = field->bits;
      return is_wire(field, WIRE_FIXED64, fault);
    case zero_threshold:
      histogram->zero_threshold = double_of(field->bits);
      return is_wire(field, WIRE_FIXED64, fault);
    case schema:
      histogram->schema = (int32_t)unzigzag((uint32_t)field->bits);
      return is_wire(field, WIRE_VARINT, fault);
    case timestamp:
      histogram->timestamp = (int64_t)field->bits;
      return is_wire(field, WIRE_VARINT, fault);
    case start:
      if (!remote->is_second) return true;
      histogram->start = (int64_t)field->bits;
      return is_wire(field, WIRE_VARINT, fault);
    case negative_spans:
      return take_span(field, negative, fault);
    case positive_spans:
      return take_span(field, positive, fault);
    case negative_deltas:
      return take_numbers(field, WIRE_VARINT, &negative->deltas, fault);
    case positive_deltas:
      return take_numbers(field, WIRE_VARINT, &positive->deltas, fault);
    case negative_counts:
      return take_numbers(field, WIRE_FIXED64, &negative->counts, fault);
    case positive_counts:
      return take_numbers(field, WIRE_FIXED64, &positive->counts, fault);
    case custom_values:
      return take_numbers(field, WIRE_FIXED64, &remote->bounds, fault);
    default:
      return true;
  }
}

static void clear_side(buckets_side *side) {
  numbers_clear(&side->spans);
  numbers_clear(&side->deltas);
  numbers_clear(&side->counts);
  numbers_clear(&side->dense);
  side->first = 0;
}

/* The count of a bucket, of the one before it and what is sent; false where it is none. */
static bool next_count(const buckets_side *side, bool is_float, size_t n, uint64_t *count) {
  if (is_float) {
    *count = side->counts.items[n];
    return isfinite(double_of(*count)) && double_of(*count) >= 0;
  }
  int64_t sum;
  if (__builtin_add_overflow((int64_t)*count, unzigzag(side->deltas.items[n]), &sum)) return false;
  *count = (uint64_t)sum;
  return sum >= 0;
}

/* Lays the spans out as one count a bucket, from the first on. false where spans and counts do not belong together. */
static bool lay_out(buckets_side *side, bool is_float, fault *fault, const uint8_t *at) {
  const size_t sent = is_float ? side->counts.count : side->deltas.count;
  size_t n = 0;
  uint64_t count = 0;
  for (size_t i = 0; i < side->spans.count; i += span_size) {
    int64_t gap = unzigzag((uint32_t)side->spans.items[i]);
    const uint32_t length = (uint32_t)side->spans.items[i + 1];
    if (i == 0) {
      side->first = gap;
      gap = 0;
    }
    if (gap < 0 || (uint64_t)gap + length > max_buckets - side->dense.count || length > sent - n) return false;
    for (; gap > 0; gap--)
      if (!add_number(&side->dense, 0, fault, at)) return false;
    for (const size_t end = n + length; n < end; n++)
      if (!next_count(side, is_float, n, &count) || !add_number(&side->dense, count, fault, at)) return false;
  }
  return n == sent;
}

/* Custom bounds must be finite and ascending, and the buckets must be theirs. */
static bool has_good_bounds(const remote_write_reader *remote) {
  const numbers *bounds = &remote->bounds;
  const buckets_side *side = &remote->positive;
  for (size_t i = 0; i < bounds->count; i++) {
    const double bound = double_of(bounds->items[i]);
    if (!isfinite(bound) || (i > 0 && !(double_of(bounds->items[i - 1]) < bound))) return false;
  }
  if (side->dense.count == 0) return true;
  return side->first >= 0 && (uint64_t)side->first + side->dense.count <= bounds->count + 1;
}

static bool is_good(remote_write_reader *remote, const native_histogram *histogram, const uint8_t *at) {
  fault *fault = &remote->reading->fault;
  if (histogram->is_float && !isfinite(double_of(histogram->count))) return false;
  if (histogram->zero_is_float && !isfinite(double_of(histogram->zero_count))) return false;
  if (!lay_out(&remote->positive, histogram->is_float, fault, at)) return false;
  if (histogram->schema == custom_bounds) return has_good_bounds(remote);
  return lay_out(&remote->negative, histogram->is_float, fault, at);
}

static void put_count(writer *to, bool is_float, uint64_t count) {
  if (is_float)
    put_number(to, double_of(count));
  else
    put_uint64(to, count);
}

static void put_dense(writer *to, const buckets_side *side, size_t before, size_t after, bool is_float) {
  put_byte(to, '[');
  for (size_t i = 0; i < before; i++) put_literal(to, "0,");
  for (size_t i = 0; i < side->dense.count; i++) {
    put_count(to, is_float, side->dense.items[i]);
    put_byte(to, ',');
  }
  for (size_t i = 0; i < after; i++) put_literal(to, "0,");
  /* In the place of the last comma. */
  if (!to->full) to->bytes[to->length - 1] = ']';
}

static void put_side(writer *to, const char *start, const buckets_side *side, bool is_float) {
  if (side->dense.count == 0) return;
  put_bytes(to, start, strlen(start));
  /* Prometheus counts buckets by their upper bound, OpenTelemetry by their lower one. */
  put_int64(to, side->first - 1);
  put_literal(to, ",\"counts\":");
  put_dense(to, side, 0, 0, is_float);
  put_byte(to, '}');
}

static void put_bounds(writer *to, const remote_write_reader *remote, bool is_float) {
  const numbers *bounds = &remote->bounds;
  const buckets_side *side = &remote->positive;
  const size_t before = side->dense.count == 0 ? 0 : (size_t)side->first;
  put_literal(to, ",\"bounds\":[");
  for (size_t i = 0; i < bounds->count; i++) {
    if (i > 0) put_byte(to, ',');
    put_number(to, double_of(bounds->items[i]));
  }
  put_literal(to, "],\"counts\":");
  put_dense(to, side, before, bounds->count + 1 - before - side->dense.count, is_float);
}

static void put_distribution(writer *to, const remote_write_reader *remote, const native_histogram *histogram) {
  put_literal(to, ",\"histogram\":{\"count\":");
  put_count(to, histogram->is_float, histogram->count);
  if (isfinite(double_of(histogram->sum_bits))) {
    put_literal(to, ",\"sum\":");
    put_number(to, double_of(histogram->sum_bits));
  }
  if (histogram->schema == custom_bounds) {
    put_bounds(to, remote, histogram->is_float);
  } else {
    put_literal(to, ",\"scale\":");
    put_int64(to, histogram->schema);
    put_literal(to, ",\"zero_count\":");
    put_count(to, histogram->zero_is_float, histogram->zero_count);
    if (isfinite(histogram->zero_threshold) && histogram->zero_threshold != 0) {
      put_literal(to, ",\"zero_threshold\":");
      put_number(to, histogram->zero_threshold);
    }
    put_side(to, ",\"positive\":{\"offset\":", &remote->positive, histogram->is_float);
    put_side(to, ",\"negative\":{\"offset\":", &remote->negative, histogram->is_float);
  }
  put_byte(to, '}');
}

static void write_bucket(remote_write_reader *remote, const native_histogram *histogram, const char *le, double bound,
                         double below) {
  writer *own = &remote->own_tag;
  if (le == NULL && !isfinite(bound)) return;
  writer_clear(own, kept_bytes);
  put_literal(own, ",\"le\":\"");
  if (le != NULL)
    put_bytes(own, le, strlen(le));
  else
    put_number(own, bound);
  put_byte(own, '"');
  begin_part(remote, histogram->timestamp, "_bucket", "counter");
  put_number(&remote->reading->text, below);
  end_part(remote, histogram->start, own, NULL);
}

/* A count as a double, in which buckets are added up. */
static double count_of(bool is_float, uint64_t count) { return is_float ? double_of(count) : (double)count; }

static void write_custom_buckets(remote_write_reader *remote, const native_histogram *histogram) {
  const buckets_side *side = &remote->positive;
  double below = 0;
  for (size_t i = 0; i < remote->bounds.count && !remote->reading->text.full; i++) {
    const uint64_t n = i - (uint64_t)side->first;
    if (n < side->dense.count) below += count_of(histogram->is_float, side->dense.items[n]);
    write_bucket(remote, histogram, NULL, double_of(remote->bounds.items[i]), below);
  }
}

static void write_exponential_buckets(remote_write_reader *remote, const native_histogram *histogram) {
  const buckets_side *positive = &remote->positive, *negative = &remote->negative;
  const double threshold = isfinite(histogram->zero_threshold) ? histogram->zero_threshold : 0;
  double below = 0;
  for (size_t i = negative->dense.count; i > 0 && !remote->reading->text.full; i--) {
    below += count_of(histogram->is_float, negative->dense.items[i - 1]);
    write_bucket(remote, histogram, NULL, -bound_at(histogram->schema, (double)(negative->first + (int64_t)i - 2)),
                 below);
  }
  below += count_of(histogram->zero_is_float, histogram->zero_count);
  write_bucket(remote, histogram, NULL, rounded_bound(threshold), below);
  for (size_t i = 0; i < positive->dense.count && !remote->reading->text.full; i++) {
    below += count_of(histogram->is_float, positive->dense.items[i]);
    write_bucket(remote, histogram, NULL, bound_at(histogram->schema, (double)(positive->first + (int64_t)i)), below);
  }
}

static void write_buckets(remote_write_reader *remote, const native_histogram *histogram) {
  const span le = {(const uint8_t *)"le", (const uint8_t *)"le" + 2};
  hide_tag(&remote->tags, le, hash_of(le.at, length_of(le)), 0, remote->tags.serial);
  if (histogram->schema == custom_bounds)
    write_custom_buckets(remote, histogram);
  else
    write_exponential_buckets(remote, histogram);
  write_bucket(remote, histogram, "+Inf", 0, count_of(histogram->is_float, histogram->count));
}

static void write_records(remote_write_reader *remote, const native_histogram *histogram) {
  writer *to = &remote->reading->text;
  accept(remote->reading);
  begin_part(remote, histogram->timestamp, "_count", "histogram");
  put_count(to, histogram->is_float, histogram->count);
  put_distribution(to, remote, histogram);
  end_part(remote, histogram->start, NULL, NULL);
  if (isfinite(double_of(histogram->sum_bits))) {
    begin_part(remote, histogram->timestamp, "_sum", "counter");
    put_number(to, double_of(histogram->sum_bits));
    end_part(remote, histogram->start, NULL, NULL);
  }
  if (remote->reading->options->buckets) write_buckets(remote, histogram);
}

bool read_native_histogram(remote_write_reader *remote, span message) {
  const uint8_t *at = message.at;
  field field;
  native_histogram histogram = {.start = remote->created};
  clear_side(&remote->positive);
  clear_side(&remote->negative);
  numbers_clear(&remote->bounds);
  while (next_field(&message, &field, &remote->reading->fault))
    if (!take_field_of(remote, &field, &histogram)) return false;
  if (remote->reading->fault.kind != FAULT_NONE) return false;
  if (!judge_part(remote, PART_HISTOGRAM, histogram.timestamp, histogram.sum_bits)) return true;
  if (is_good(remote, &histogram, at))
    write_records(remote, &histogram);
  else
    reject_part(remote, PART_HISTOGRAM, REJECTED_HISTOGRAM);
  return remote->reading->fault.kind == FAULT_NONE;
}

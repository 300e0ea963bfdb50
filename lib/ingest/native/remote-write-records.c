#include "remote-write.h"

#include <math.h>

/* NaN with which Prometheus says that a series has ended (model/value.StaleNaN). */
static const uint64_t stale_marker = UINT64_C(0x7ff0000000000002);
/* The last instant that a JavaScript or Java date can hold, in Unix ms. */
static const int64_t last_instant = INT64_C(8640000000000000);

bool reject_part(remote_write_reader *remote, part_kind kind, rejection_reason reason) {
  remote->written[kind]--;
  return reject(remote->reading, reason, remote->name.at, length_of(remote->name));
}

static rejection_reason judge_time(const remote_write_reader *remote, int64_t timestamp) {
  const reading_request *request = remote->reading->request;
  if (timestamp < 0) return REJECTED_TIME_LOW;
  if (timestamp > last_instant) return REJECTED_TIME_HIGH;
  if (timestamp < request->oldest) return REJECTED_OLD;
  return timestamp > request->newest ? REJECTED_NEW : rejection_reasons;
}

bool judge_part(remote_write_reader *remote, part_kind kind, int64_t timestamp, uint64_t value) {
  reading *reading = remote->reading;
  remote->written[kind]++;
  rejection_reason reason = remote->rejected;
  if (reason != rejection_reasons) return reject_part(remote, kind, reason);
  if (value == stale_marker) return skip(reading, SKIPPED_STALE);
  reason = judge_time(remote, timestamp);
  if (reason != rejection_reasons) return reject_part(remote, kind, reason);
  if (kind != PART_HISTOGRAM && !isfinite(double_of(value))) return skip(reading, SKIPPED_NOT_FINITE);
  const bool too_many = remote->tags.overflow || (kind == PART_EXEMPLAR && remote->exemplar.overflow);
  if (too_many) return reject_part(remote, kind, REJECTED_TAGS);
  /* That of a histogram is looked at once more. */
  if (kind != PART_HISTOGRAM) accept(reading);
  return true;
}

static bool ends_in(span name, const char *suffix) {
  const size_t length = strlen(suffix);
  return length_of(name) >= length && memcmp(name.end - length, suffix, length) == 0;
}

const char *record_type(const remote_write_reader *remote) {
  switch (remote->type) {
    case TYPE_COUNTER:
      return "counter";
    case TYPE_GAUGE:
    case TYPE_GAUGEHISTOGRAM:
    case TYPE_INFO:
    case TYPE_STATESET:
      return "gauge";
    default:
      break;
  }
  const span name = remote->name;
  const bool counts =
      ends_in(name, "_total") || ends_in(name, "_count") || ends_in(name, "_sum") || ends_in(name, "_bucket");
  return counts ? "counter" : "gauge";
}

void begin_part(remote_write_reader *remote, int64_t timestamp, const char *suffix, const char *type) {
  writer *to = &remote->reading->text;
  put_literal(to, "{\"timestamp\":");
  put_int64(to, timestamp);
  put_all(to, &remote->head);
  put_bytes(to, suffix, strlen(suffix));
  put_literal(to, "\",\"metric_type\":\"");
  put_bytes(to, type, strlen(type));
  put_literal(to, "\",\"value\":");
}

static void put_all_tags(remote_write_reader *remote, const writer *own_tag) {
  const uint64_t serials[max_layers] = {own_tag == NULL ? NO_SET : remote->tags.serial, NO_SET};
  writer *to = &remote->reading->text;
  const size_t start = to->length;
  put_literal(to, ",\"tags\":");
  const size_t open = to->length;
  if (own_tag != NULL) put_all(to, own_tag);
  put_tags(to, &remote->tags, serials);
  if (to->length == open) {
    to->length = start;
  } else if (!to->full) {
    /* In the place of the first comma. */
    to->bytes[open] = '{';
    put_byte(to, '}');
  }
}

void end_part(remote_write_reader *remote, int64_t start, const writer *own_tag, const writer *exemplar) {
  writer *to = &remote->reading->text;
  const reading_request *request = remote->reading->request;
  put_all_tags(remote, own_tag);
  put_all(to, &remote->tail);
  if (start > 0) {
    put_literal(to, ",\"start_timestamp\":");
    put_int64(to, start);
  }
  if (exemplar != NULL) put_all(to, exemplar);
  put_bytes(to, request->suffix, request->suffix_length);
  put_byte(to, '}');
  end_line(remote->reading, remote->service);
}

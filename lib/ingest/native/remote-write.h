/*
 * Reads requests of Prometheus remote write, 1.0 (prometheus.WriteRequest) and 2.0 (io.prometheus.write.v2.Request), once they are
 * inflated: each sample, native histogram and exemplar becomes a line of JSON, or several.
 */
#ifndef VANTAGE_REMOTE_WRITE_H
#define VANTAGE_REMOTE_WRITE_H

#include "reading.h"
#include "tags.h"

/* In the order that the headers of an answer name them. */
typedef enum { PART_SAMPLE, PART_HISTOGRAM, PART_EXEMPLAR, part_kinds } part_kind;

/* The types of metadata, which 1.0 and 2.0 number alike. */
typedef enum {
  TYPE_UNKNOWN,
  TYPE_COUNTER,
  TYPE_GAUGE,
  TYPE_HISTOGRAM,
  TYPE_GAUGEHISTOGRAM,
  TYPE_SUMMARY,
  TYPE_INFO,
  TYPE_STATESET
} family_type;

/* Types of metric families that requests of 1.0 have said, as many as there is room for. A power of 2, of which half stay free. */
enum { family_slots = 1 << 14, max_families = family_slots / 2 };
typedef struct {
  struct {
    uint64_t hash;
    family_type type;
  } slots[family_slots];
  uint32_t count;
} families;

typedef struct {
  span *items;
  size_t count, capacity;
} symbols;

/* A native histogram as it came. */
typedef struct {
  bool has_count, is_float, has_zero_count, zero_is_float;
  uint64_t count, zero_count;
  double zero_threshold;
  uint64_t sum_bits;
  int32_t schema;
  int64_t timestamp, start;
} native_histogram;

/* The buckets of one side: spans as pairs, deltas or counts, and what they come to, one count a bucket from `first` on. */
typedef struct {
  numbers spans, deltas, counts, dense;
  int64_t first;
} buckets_side;

typedef struct {
  reading *reading;
  bool is_second;
  families families;
  symbols symbols;
  writer inflated;
  /* Of the series. */
  tag_set tags;
  uint32_t service;
  span name, job, unit, help;
  /* rejection_reasons for none. */
  rejection_reason rejected;
  family_type type;
  int64_t created;
  /* JSON of all its records: from the service to where the metric's name ends; behind the tags. */
  writer head, tail;
  numbers references;
  /* Of an exemplar: its labels, and its JSON. */
  tag_set exemplar;
  writer exemplar_text;
  buckets_side positive, negative;
  numbers bounds;
  writer own_tag;
  /* What was written of each kind, skipped ones included. */
  uint32_t written[part_kinds];
} remote_write_reader;

/* NULL without memory. */
remote_write_reader *remote_write_new(void);
void remote_write_free(remote_write_reader *remote);

/* Reads what snappy has compressed, which comes to `longest` bytes at most. */
void remote_write_read(remote_write_reader *remote, reading *reading, bool is_second, const uint8_t *body,
                       size_t length, size_t longest);

/* remote-write-series.c: reads a series, and writes the records of what it has. */
bool read_series(remote_write_reader *remote, span message);

/* The symbol of that number; false, and a fault, if there is none. */
bool symbol_at(remote_write_reader *remote, uint64_t number, const uint8_t *at, span *symbol);

/* The type that was said of a metric, or of the family whose suffix it has. */
family_type type_of(const families *families, span name);

/* remote-write-records.c: what all records have. */

/* Counts a part of the series. false if it is rejected or skipped; `value` are the bits of the double that may be a stale marker. */
bool judge_part(remote_write_reader *remote, part_kind kind, int64_t timestamp, uint64_t value);
bool reject_part(remote_write_reader *remote, part_kind kind, rejection_reason reason);

/* The type of a record whose series has this name. */
const char *record_type(const remote_write_reader *remote);

/* A record up to its value, which the caller writes, and the rest of it; the last two may be NULL. */
void begin_part(remote_write_reader *remote, int64_t timestamp, const char *suffix, const char *type);
void end_part(remote_write_reader *remote, int64_t start, const writer *own_tag, const writer *exemplar);

/* remote-write-histograms.c. */
bool read_native_histogram(remote_write_reader *remote, span message);

#endif

/*
 * Reads an ExportMetricsServiceRequest of OpenTelemetry in protobuf: each point becomes a line of JSON, or several. What all points of
 * a message share may stand behind them, so the fields of each message but a point's are looked over before they are read.
 */
#ifndef VANTAGE_OTLP_H
#define VANTAGE_OTLP_H

#include "attributes.h"
#include "reading.h"
#include "tags.h"

enum { nanoseconds_a_millisecond = 1000000 };

/* The digits of an instant, which many points in a row have. */
typedef struct {
  uint64_t milliseconds;
  writer digits;
} instant;

/* What of a point's attributes are members of records, too. */
typedef struct {
  any_value route, method, older_method, status_code, older_status_code;
} http_attributes;

/* Counts of exponential buckets, in otlp_reader. */
typedef struct {
  span message;
  int32_t offset;
} buckets;

/* A data point of any kind; has_... say which of its optional fields are there. */
typedef struct {
  uint64_t start, time, flags;
  /* Of a number: its bits. */
  uint64_t bits;
  bool has_value, is_integer;
  uint64_t count;
  bool has_sum, has_min, has_max;
  double sum, min, max;
  int32_t scale;
  uint64_t zero_count;
  double zero_threshold;
  buckets positive, negative;
  bool has_http;
} data_point;

/* By their field numbers in Metric. */
typedef enum { DATA_GAUGE = 5, DATA_SUM = 7, DATA_HISTOGRAM = 9, DATA_EXPONENTIAL = 10, DATA_SUMMARY = 11 } data_kind;

/* A reader, with what it knows of the resource, the scope, the metric and the point that it is at. */
typedef struct {
  reading *reading;
  tag_set resource, scope, point, exemplar;
  /* Of the resource. */
  span service_name;
  uint32_t service;
  bool service_is_known, service_is_long;
  /* JSON of all records of a resource: from the service to where the metric's name begins; behind the tags. */
  writer service_head, resource_tail;
  writer scope_tail;
  /* Of the metric. */
  data_kind kind;
  span name, unit;
  bool is_monotonic;
  writer name_text, metric_tail;
  /* Of the point: counts and bounds of a histogram, or counts of positive and negative exponential buckets; ,{...} an exemplar. */
  numbers counts, others;
  writer exemplars;
  bool too_many_tags;
  /* If data_point.has_http. */
  http_attributes http;
  /* A tag that one record of the point has, with a comma before it. */
  writer own_tag;
  instant time, start;
  writer nested, dropped;
} otlp_reader;

/* NULL without memory. */
otlp_reader *otlp_new(void);
void otlp_free(otlp_reader *otlp);

void otlp_read(otlp_reader *otlp, reading *reading, const uint8_t *body, size_t length);

/* otlp-points.c: reads the points of a metric and writes their records. */
bool read_points(otlp_reader *otlp, span data);

/* otlp-records.c: what all records have. */

/* Takes one more tag; `added` says whether it is the first of that name. */
bool add_attribute(otlp_reader *otlp, tag_set *set, const attribute *attribute, bool *added);

/* Looks for faults in a value that is not written. */
bool check_value(otlp_reader *otlp, const any_value *value);

bool add_exemplar(otlp_reader *otlp, span message);

/* A record up to its value, which the caller writes, and the rest of it. */
void begin_record(otlp_reader *otlp, const data_point *point, const char *suffix, const char *type);
typedef enum { PLAIN, WITH_EXEMPLARS, WITH_OWN_TAG } record_end;
void end_record(otlp_reader *otlp, const data_point *point, record_end end);

/* Begins a tag of one record alone, which hides any other of that name; its value, and a quote, are for the caller to write. */
void begin_own_tag(otlp_reader *otlp, const char *name);

/* How many tags a record of the point has, without such a tag. */
uint32_t count_tags(const otlp_reader *otlp);

/* otlp-histograms.c: records of points of three kinds. */
bool take_buckets(otlp_reader *otlp, buckets *buckets, numbers *counts);
bool is_good_histogram(const otlp_reader *otlp);
void write_histogram(otlp_reader *otlp, const data_point *point);
void write_sum(otlp_reader *otlp, const data_point *point);

#endif

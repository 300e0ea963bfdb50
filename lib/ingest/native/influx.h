/*
 * Reads InfluxDB's line protocol: each field of a line becomes a line of JSON. A line that is none is rejected alone, as one metric.
 */
#ifndef VANTAGE_INFLUX_H
#define VANTAGE_INFLUX_H

#include "reading.h"
#include "tags.h"

/* The precisions of timestamps, in the order that binding.ts knows. */
typedef enum timestamp_precision {
  PRECISION_NS,
  PRECISION_US,
  PRECISION_MS,
  PRECISION_S,
  PRECISION_M,
  PRECISION_H,
  precisions
} precision;

/* What a request says beside its lines. */
typedef struct {
  precision precision;
  /* The database or bucket, whose service the metrics are of that have no tag for it. */
  span database;
} influx_request;

typedef enum { FIELD_NUMBER, FIELD_INTEGER, FIELD_UNSIGNED, FIELD_BOOLEAN, FIELD_TEXT } field_kind;

typedef struct {
  span name;
  field_kind kind;
  uint64_t bits;
  span text;
} influx_field;

typedef struct {
  reading *reading;
  const influx_request *request;
  const uint8_t *at, *end;
  /* Of the line: names and texts without their escapes. */
  writer plain;
  span measurement;
  /* The tag that is the service, and its place in the settings, of which the lowest counts. */
  span service_tag, service;
  uint32_t service_rank;
  bool has_time;
  int64_t time;
  influx_field *fields;
  size_t field_count, field_capacity;
  tag_set tags;
  /* JSON of all its records: from the service to where the field's name begins; behind the value. */
  writer head, tail;
} influx_reader;

/* NULL without memory. */
influx_reader *influx_new(void);
void influx_free(influx_reader *influx);

void influx_read(influx_reader *influx, reading *reading, const influx_request *request, const uint8_t *body,
                 size_t length);

/* influx-line.c: reads a line up to where the next begins. `rejection_reasons` for a good one. */
rejection_reason read_line(influx_reader *influx);

#endif

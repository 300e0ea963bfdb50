/*
 * What a reader of a body makes, whatever the format: lines, each the record of a metric or a part of one; what was rejected or
 * skipped, and why; and whose metrics they are. All of its memory is used again for the next body.
 */
#ifndef VANTAGE_READING_H
#define VANTAGE_READING_H

#include "protobuf.h"
#include "writer.h"

/* Why a metric is rejected, in the order that binding.ts knows. */
typedef enum {
  REJECTED_NAME_EMPTY,
  REJECTED_NAME_LONG,
  REJECTED_SERVICE_LONG,
  REJECTED_TAGS,
  REJECTED_OLD,
  REJECTED_NEW,
  REJECTED_HISTOGRAM,
  REJECTED_TIME_LOW,
  REJECTED_TIME_HIGH,
  /* Of line protocol: no line, not UTF-8, a field that is text. */
  REJECTED_LINE,
  REJECTED_TEXT,
  REJECTED_TEXT_VALUE,
  rejection_reasons,
} rejection_reason;

/* Why one is skipped, in the order that binding.ts knows. */
typedef enum { SKIPPED_NOT_FINITE, SKIPPED_NO_VALUE, SKIPPED_STALE, skip_reasons } skip_reason;

enum { max_characters = 255, max_short_text = 50 };
/* Rejections that are kept one by one, and how many bytes of a name. */
enum { max_rejections = 20, max_rejected_name = 100 };

/* What settings say of records. */
typedef struct {
  /* Defaults, where the body does not say. */
  char *environment, *agent_version, *no_service;
  size_t environment_length, agent_version_length, no_service_length;
  /* Whether histograms have a record for each bucket, too. */
  bool buckets;
  bool lines_share_records;
  /* Of line protocol: names of tags that say the service, with commas between them; whether text fields are tags. */
  char *service_tags;
  size_t service_tags_length;
  bool text_as_tags;
  uint64_t max_metrics, max_bytes, max_record_bytes;
} reader_options;

/* What a request says. */
typedef struct {
  int64_t now, oldest, newest;
  /* Members of JSON for each record, each with its comma before it. */
  const uint8_t *suffix;
  size_t suffix_length;
} reading_request;

typedef struct {
  /* Where it ends in the text. */
  size_t end;
  /* How many accepted metrics have begun up to it, its own included, and which service it is of. */
  uint32_t metric_end, service;
} line;

typedef struct {
  /* Of the name, in `names`. */
  size_t start, length;
  uint64_t hash;
  uint32_t metrics;
} service;

typedef struct {
  uint32_t index;
  rejection_reason reason;
  size_t name_length;
  uint8_t name[max_rejected_name];
} rejection;

typedef struct {
  const reader_options *options;
  const reading_request *request;
  fault fault;
  /* The lines, end to end. */
  writer text;
  line *lines;
  size_t line_count, line_capacity;
  /* Metrics of the body, and those of them that have lines. */
  uint32_t received, accepted;
  /* By what an answer names the metric that was counted last: its number from 0, but of line protocol that of its line. */
  uint32_t place;
  service *services;
  uint32_t service_count, service_capacity;
  writer names;
  /* A table of services by the hash of their names: 1 more than the index. */
  uint32_t *service_slots;
  uint32_t rejected[rejection_reasons], skipped[skip_reasons];
  rejection rejections[max_rejections];
  uint32_t rejection_count;
} reading;

void reading_begin(reading *reading, const reader_options *options, const reading_request *request);

/* What is found so far is as good as not found, if there is a fault. */
void reading_end(reading *reading, const uint8_t *body);

void reading_free(reading *reading);

/* The number of the service of that name, for lines. */
uint32_t service_of(reading *reading, const uint8_t *name, size_t length);

/* Counts a metric of the body, of that service. false, and a fault, if there are too many. */
bool count_metric(reading *reading, uint32_t service, const uint8_t *at);

/* Rejects or skips the metric that was counted last; false, for callers to return: it gets no lines. */
bool reject(reading *reading, rejection_reason reason, const uint8_t *name, size_t length);
bool skip(reading *reading, skip_reason reason);

/* The metric that was counted last gets lines. */
static inline void accept(reading *reading) { reading->accepted++; }

/* What has been written since the last line is one. */
void end_line(reading *reading, uint32_t service);

/* How many records the lines make, and of how many bytes. */
typedef struct {
  size_t records, bytes;
} record_sizes;
record_sizes sizes_of(const reading *reading);

/*
 * Copies the records: where each ends, how many accepted metrics have begun up to its end, and its service. There must be room.
 */
void copy_records(const reading *reading, uint8_t *bytes, uint32_t *ends, uint32_t *metric_ends, uint32_t *services);

#endif

/* What a target of libFuzzer tells its judge of a reading; told-reading.ts reads it. */
#ifndef VANTAGE_JUDGED_READING_H
#define VANTAGE_JUDGED_READING_H

#include "../../../lib/ingest/native/reading.h"

#include "judged.h"

/* As told-reading.ts has them. */
static reader_options options = {.environment = "development",
                                 .environment_length = 11,
                                 .agent_version = "unknown",
                                 .agent_version_length = 7,
                                 .no_service = "unknown_service",
                                 .no_service_length = 15,
                                 .service_tags = "service,host",
                                 .service_tags_length = 12,
                                 .max_metrics = 1000000,
                                 .max_bytes = 1 << 18,
                                 .max_record_bytes = 1 << 18};
static const reading_request request = {.now = 1701878400000,
                                        .oldest = 1701878000000,
                                        .newest = 1701879000000,
                                        .suffix = (const uint8_t *)",\"trace_id\":\"t\"",
                                        .suffix_length = 15};
static reading found;

static void *allocate(size_t size) {
  void *made = malloc(size);
  if (made == NULL) die("no memory");
  return made;
}

static void tell_numbers(const uint32_t *numbers, size_t count) { tell_bytes(numbers, count * sizeof *numbers); }

/* `variant` says how it was read. */
static void tell_reading(const uint8_t *body, size_t length, uint32_t variant) {
  const record_sizes sizes = sizes_of(&found);
  const size_t array = sizes.records * sizeof(uint32_t);
  uint8_t *text = allocate(sizes.bytes);
  uint32_t *ends = allocate(array), *metric_ends = allocate(array), *services = allocate(array);
  copy_records(&found, text, ends, metric_ends, services);
  const uint64_t head[] = {length,      variant,       found.fault.kind,    found.received,     found.accepted,
                           sizes.bytes, sizes.records, found.service_count, found.names.length, found.rejection_count};
  for (size_t i = 0; i < sizeof head / sizeof *head; i++) tell_number(head[i]);
  tell_numbers(found.rejected, rejection_reasons);
  tell_numbers(found.skipped, skip_reasons);
  tell_numbers(ends, sizes.records);
  tell_numbers(metric_ends, sizes.records);
  tell_numbers(services, sizes.records);
  for (uint32_t i = 0; i < found.service_count; i++) {
    tell_number(found.services[i].start + found.services[i].length);
    tell_number(found.services[i].metrics);
  }
  for (uint32_t i = 0; i < found.rejection_count; i++) {
    tell_number(found.rejections[i].index);
    tell_number(found.rejections[i].reason);
  }
  tell_bytes(body, length);
  tell_bytes(text, sizes.bytes);
  tell_bytes(found.names.bytes, found.names.length);
  message_ends();
  free(text);
  free(ends);
  free(metric_ends);
  free(services);
}

#endif

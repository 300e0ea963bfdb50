#include "reading.h"

#include <stdlib.h>

#include "hash.h"

/* Memory that stays for the next body. */
enum { kept_bytes = 4 << 20, kept_lines = kept_bytes / sizeof(line), kept_services = 4096 };
enum { least_lines = 64, least_services = 16, slots_a_service = 2 };

void reading_begin(reading *reading, const reader_options *options, const reading_request *request) {
  reading->options = options;
  reading->request = request;
  reading->fault = (fault){FAULT_NONE, NULL};
  writer_clear(&reading->text, kept_bytes);
  writer_clear(&reading->names, kept_bytes);
  writer_begin(&reading->text, options->max_bytes);
  writer_begin(&reading->names, options->max_bytes);
  if (reading->line_capacity > kept_lines) {
    free(reading->lines);
    reading->lines = NULL;
    reading->line_capacity = 0;
  }
  reading->line_count = 0;
  if (reading->service_capacity > kept_services) {
    free(reading->services);
    free(reading->service_slots);
    reading->services = NULL;
    reading->service_slots = NULL;
    reading->service_capacity = 0;
  } else if (reading->service_count > 0) {
    memset(reading->service_slots, 0, reading->service_capacity * slots_a_service * sizeof *reading->service_slots);
  }
  reading->service_count = reading->received = reading->accepted = reading->rejection_count = 0;
  memset(reading->rejected, 0, sizeof reading->rejected);
  memset(reading->skipped, 0, sizeof reading->skipped);
}

void reading_end(reading *reading, const uint8_t *body) {
  const bool beyond = reading->text.length > reading->text.bound;
  if (beyond || reading->text.full || reading->names.full) fail_at(&reading->fault, FAULT_TOO_LARGE, body);
  if (reading->fault.kind == FAULT_NONE) return;
  reading->line_count = reading->service_count = reading->rejection_count = 0;
  reading->text.length = 0;
  if (reading->service_capacity > 0)
    memset(reading->service_slots, 0, reading->service_capacity * slots_a_service * sizeof *reading->service_slots);
}

void reading_free(reading *reading) {
  writer_free(&reading->text);
  writer_free(&reading->names);
  free(reading->lines);
  free(reading->services);
  free(reading->service_slots);
}

static bool is_service(const reading *reading, const service *service, const uint8_t *name, size_t length,
                       uint64_t hash) {
  return service->hash == hash && service->length == length &&
         (length == 0 || memcmp(reading->names.bytes + service->start, name, length) == 0);
}

/* The slot of the service of that name, or the one where it belongs. */
static uint32_t *slot_for(const reading *reading, const uint8_t *name, size_t length, uint64_t hash) {
  /* The capacity is a power of 2. */
  const uint64_t mask = reading->service_capacity * slots_a_service - 1;
  uint32_t *slots = reading->service_slots;
  uint64_t n = hash & mask;
  while (slots[n] != 0 && !is_service(reading, &reading->services[slots[n] - 1], name, length, hash))
    n = (n + 1) & mask;
  return &slots[n];
}

static bool grow_services(reading *reading) {
  const uint32_t capacity = reading->service_capacity == 0 ? least_services : 2 * reading->service_capacity;
  service *services = realloc(reading->services, capacity * sizeof *services);
  if (services == NULL) return false;
  reading->services = services;
  uint32_t *slots = calloc((size_t)capacity * slots_a_service, sizeof *slots);
  if (slots == NULL) return false;
  free(reading->service_slots);
  reading->service_slots = slots;
  reading->service_capacity = capacity;
  for (uint32_t i = 0; i < reading->service_count; i++) {
    const service *known = &services[i];
    *slot_for(reading, reading->names.bytes + known->start, known->length, known->hash) = i + 1;
  }
  return true;
}

uint32_t service_of(reading *reading, const uint8_t *name, size_t length) {
  const uint64_t hash = hash_of(name, length);
  if (reading->service_count == reading->service_capacity && !grow_services(reading)) {
    reading->text.full = true;
    return 0;
  }
  uint32_t *slot = slot_for(reading, name, length, hash);
  if (*slot == 0) {
    const size_t start = reading->names.length;
    put_bytes(&reading->names, name, length);
    if (reading->names.full) return 0;
    reading->services[reading->service_count++] = (service){start, length, hash, 0};
    *slot = reading->service_count;
  }
  return *slot - 1;
}

bool count_metric(reading *reading, uint32_t service, const uint8_t *at) {
  if (reading->received == reading->options->max_metrics) return fail_at(&reading->fault, FAULT_TOO_MANY_METRICS, at);
  reading->place = reading->received++;
  if (service < reading->service_count) reading->services[service].metrics++;
  return true;
}

/* As much of a text in UTF-8 as whole characters of it fit. */
static size_t cut(const uint8_t *text, size_t length, size_t room) {
  if (length <= room) return length;
  while (room > 0 && (text[room] & 0xc0) == 0x80) room--;
  return room;
}

bool reject(reading *reading, rejection_reason reason, const uint8_t *name, size_t length) {
  reading->rejected[reason]++;
  if (reading->rejection_count == max_rejections) return false;
  rejection *made = &reading->rejections[reading->rejection_count++];
  made->index = reading->place;
  made->reason = reason;
  made->name_length = cut(name, length, max_rejected_name);
  memcpy(made->name, name, made->name_length);
  return false;
}

bool skip(reading *reading, skip_reason reason) {
  reading->skipped[reason]++;
  return false;
}

void end_line(reading *reading, uint32_t service) {
  if (reading->line_count == reading->line_capacity) {
    const size_t capacity = reading->line_capacity == 0 ? least_lines : 2 * reading->line_capacity;
    line *lines = realloc(reading->lines, capacity * sizeof *lines);
    if (lines == NULL) {
      reading->text.full = true;
      return;
    }
    reading->lines = lines;
    reading->line_capacity = capacity;
  }
  reading->lines[reading->line_count++] = (line){reading->text.length, reading->accepted, service};
}

static size_t start_of(const reading *reading, size_t n) { return n == 0 ? 0 : reading->lines[n - 1].end; }

/* The line after the last one of the record that begins with this one, and how long the record is. */
static size_t end_of_record(const reading *reading, size_t first, size_t *bytes) {
  *bytes = reading->lines[first].end - start_of(reading, first);
  size_t next = first + 1;
  if (!reading->options->lines_share_records) return next;
  for (; next < reading->line_count && reading->lines[next].service == reading->lines[first].service; next++) {
    const size_t with = *bytes + 1 + reading->lines[next].end - reading->lines[next - 1].end;
    if (with > reading->options->max_record_bytes) break;
    *bytes = with;
  }
  return next;
}

record_sizes sizes_of(const reading *reading) {
  if (!reading->options->lines_share_records) return (record_sizes){reading->line_count, reading->text.length};
  record_sizes sizes = {0, 0};
  for (size_t n = 0, bytes; n < reading->line_count; sizes.records++) {
    n = end_of_record(reading, n, &bytes);
    sizes.bytes += bytes;
  }
  return sizes;
}

static uint8_t *copy_lines(const reading *reading, size_t first, size_t next, uint8_t *to) {
  for (size_t n = first; n < next; n++) {
    const size_t start = start_of(reading, n), length = reading->lines[n].end - start;
    if (n > first) *to++ = '\n';
    memcpy(to, reading->text.bytes + start, length);
    to += length;
  }
  return to;
}

void copy_records(const reading *reading, uint8_t *bytes, uint32_t *ends, uint32_t *metric_ends, uint32_t *services) {
  const bool shared = reading->options->lines_share_records;
  uint8_t *to = bytes;
  if (!shared && reading->text.length > 0) memcpy(to, reading->text.bytes, reading->text.length);
  for (size_t n = 0, record = 0, next, length; n < reading->line_count; n = next, record++) {
    next = end_of_record(reading, n, &length);
    to = shared ? copy_lines(reading, n, next, to) : to + length;
    ends[record] = (uint32_t)(to - bytes);
    metric_ends[record] = reading->lines[next - 1].metric_end;
    services[record] = reading->lines[n].service;
  }
}

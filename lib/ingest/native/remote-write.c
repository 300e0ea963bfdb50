#include "remote-write.h"

#include <stdlib.h>

#include "hash.h"
#include "snappy.h"

enum { kept_bytes = 1 << 20, kept_symbols = 1 << 16, least_symbols = 256 };
enum { family_mask = family_slots - 1 };

/* A list of what is written beside records. */
#define EACH_WRITER(remote, what)                                                          \
  writer *const what[] = {&(remote)->tags.text, &(remote)->head,          &(remote)->tail, \
                          &(remote)->own_tag,   &(remote)->exemplar.text, &(remote)->exemplar_text}

remote_write_reader *remote_write_new(void) { return calloc(1, sizeof(remote_write_reader)); }

static void free_side(buckets_side *side) {
  numbers_free(&side->spans);
  numbers_free(&side->deltas);
  numbers_free(&side->counts);
  numbers_free(&side->dense);
}

void remote_write_free(remote_write_reader *remote) {
  if (remote == NULL) return;
  EACH_WRITER(remote, writers);
  writer_free(&remote->inflated);
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) writer_free(writers[i]);
  free_side(&remote->positive);
  free_side(&remote->negative);
  numbers_free(&remote->bounds);
  numbers_free(&remote->references);
  free(remote->symbols.items);
  free(remote);
}

/* Where the type of the family is, or belongs. 0 is no hash. */
static uint32_t family_slot(const families *families, uint64_t hash) {
  uint32_t n = (uint32_t)hash & family_mask;
  while (families->slots[n].hash != 0 && families->slots[n].hash != hash) n = (n + 1) & family_mask;
  return n;
}

static uint64_t family_hash(const uint8_t *name, size_t length) {
  const uint64_t hash = hash_of(name, length);
  return hash == 0 ? 1 : hash;
}

static void remember(families *families, span name, family_type type) {
  const uint64_t hash = family_hash(name.at, length_of(name));
  uint32_t n = family_slot(families, hash);
  if (families->slots[n].hash == 0) {
    if (families->count == max_families) {
      memset(families, 0, sizeof *families);
      n = family_slot(families, hash);
    }
    families->count++;
    families->slots[n].hash = hash;
  }
  families->slots[n].type = type;
}

family_type type_of(const families *families, span name) {
  static const char *const suffixes[] = {"", "_total", "_bucket", "_count", "_sum"};
  const size_t length = length_of(name);
  if (families->count == 0) return TYPE_UNKNOWN;
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    const size_t suffix = strlen(suffixes[i]);
    if (length < suffix || memcmp(name.end - suffix, suffixes[i], suffix) != 0) continue;
    const uint32_t n = family_slot(families, family_hash(name.at, length - suffix));
    if (families->slots[n].hash != 0) return families->slots[n].type;
  }
  return TYPE_UNKNOWN;
}

/* Of 1.0: what a metric family is. */
static bool read_metadata(remote_write_reader *remote, span message) {
  enum { type = 1, family_name = 2 };
  field field;
  fault *fault = &remote->reading->fault;
  span name = {message.at, message.at};
  uint32_t said = TYPE_UNKNOWN;
  while (next_field(&message, &field, fault)) {
    if (field.number == type) {
      if (!is_wire(&field, WIRE_VARINT, fault)) return false;
      said = (uint32_t)field.bits;
    } else if (field.number == family_name) {
      if (!is_text(&field, fault)) return false;
      name = field.bytes;
    }
  }
  if (fault->kind != FAULT_NONE) return false;
  if (length_of(name) > 0 && said > TYPE_UNKNOWN && said <= TYPE_STATESET)
    remember(&remote->families, name, (family_type)said);
  return true;
}

static bool add_symbol(remote_write_reader *remote, const field *field) {
  symbols *symbols = &remote->symbols;
  if (!is_text(field, &remote->reading->fault)) return false;
  if (symbols->count == symbols->capacity) {
    const size_t capacity = symbols->capacity == 0 ? least_symbols : 2 * symbols->capacity;
    span *items = realloc(symbols->items, capacity * sizeof *items);
    if (items == NULL) return fail_at(&remote->reading->fault, FAULT_TOO_LARGE, field->at);
    symbols->items = items;
    symbols->capacity = capacity;
  }
  symbols->items[symbols->count++] = field->bytes;
  return true;
}

bool symbol_at(remote_write_reader *remote, uint64_t index, const uint8_t *at, span *symbol) {
  if ((uint32_t)index >= remote->symbols.count) return fail_at(&remote->reading->fault, FAULT_SYMBOL, at);
  *symbol = remote->symbols.items[(uint32_t)index];
  return true;
}

/* What series refer to: metadata of 1.0, symbols of 2.0. It may stand behind them. */
static bool read_references(remote_write_reader *remote, span message) {
  enum { metadata = 3, symbols = 4 };
  field field;
  fault *fault = &remote->reading->fault;
  while (next_field(&message, &field, fault)) {
    if (!remote->is_second && field.number == metadata) {
      if (!is_wire(&field, WIRE_BYTES, fault) || !read_metadata(remote, field.bytes)) return false;
    } else if (remote->is_second && field.number == symbols) {
      if (!add_symbol(remote, &field)) return false;
    }
  }
  return fault->kind == FAULT_NONE;
}

static bool read_request(remote_write_reader *remote, span message) {
  enum { series = 1, series_of_second = 5 };
  field field;
  fault *fault = &remote->reading->fault;
  const uint32_t number = remote->is_second ? series_of_second : series;
  if (!read_references(remote, message)) return false;
  while (next_field(&message, &field, fault)) {
    if (field.number != number) continue;
    if (!is_wire(&field, WIRE_BYTES, fault) || !read_series(remote, field.bytes)) return false;
  }
  return fault->kind == FAULT_NONE;
}

void remote_write_read(remote_write_reader *remote, reading *reading, bool is_second, const uint8_t *body,
                       size_t length, size_t longest) {
  EACH_WRITER(remote, writers);
  remote->reading = reading;
  remote->is_second = is_second;
  memset(remote->written, 0, sizeof remote->written);
  remote->symbols.count = 0;
  if (remote->symbols.capacity > kept_symbols) {
    free(remote->symbols.items);
    remote->symbols = (symbols){NULL, 0, 0};
  }
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) writer_begin(writers[i], reading->options->max_bytes);
  if (snappy_inflate((span){body, body + length}, longest, &remote->inflated, &reading->fault)) {
    const uint8_t *inflated = remote->inflated.bytes;
    read_request(remote, (span){inflated, inflated + remote->inflated.length});
    /* Where a fault is cannot be told in what was compressed. */
    if (reading->fault.kind != FAULT_NONE) reading->fault.at = body;
  }
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) reading->text.full |= writers[i]->full;
  reading_end(reading, body);
}

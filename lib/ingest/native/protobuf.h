/*
 * Walks messages of protobuf, field by field, each length checked. Groups, which nobody sends, and what is not as the schema has it
 * are a fault of the whole body: what follows them cannot be trusted.
 */
#ifndef VANTAGE_PROTOBUF_H
#define VANTAGE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Why a body cannot be read, in the order that binding.ts knows. */
typedef enum {
  FAULT_NONE,
  /* It ends within a field, or a length goes beyond its end. */
  FAULT_TRUNCATED,
  /* A variable integer of more than 10 bytes. */
  FAULT_INTEGER,
  /* No such field number or type. */
  FAULT_TAG,
  FAULT_GROUP,
  /* A field of another type than the schema's. */
  FAULT_TYPE,
  /* A text that is not UTF-8. */
  FAULT_TEXT,
  FAULT_TOO_DEEP,
  /* A message that must be there once is there twice. */
  FAULT_TWICE,
  FAULT_TOO_MANY_METRICS,
  /* What would be written is too much. */
  FAULT_TOO_LARGE,
  /* What is compressed cannot be inflated. */
  FAULT_COMPRESSION,
  /* A reference to a symbol that is not there. */
  FAULT_SYMBOL,
} fault_kind;

typedef struct {
  fault_kind kind;
  /* Where it is in the body. */
  const uint8_t *at;
} fault;

typedef enum {
  WIRE_VARINT = 0,
  WIRE_FIXED64 = 1,
  WIRE_BYTES = 2,
  WIRE_GROUP = 3,
  WIRE_GROUP_END = 4,
  WIRE_FIXED32 = 5
} wire;

typedef struct {
  const uint8_t *at, *end;
} span;

typedef struct {
  uint32_t number;
  wire wire;
  /* Of integers and fixed numbers. */
  uint64_t bits;
  /* Of messages, texts and bytes. */
  span bytes;
  /* Where it begins. */
  const uint8_t *at;
} field;

static inline size_t length_of(span span) { return (size_t)(span.end - span.at); }

/* Notes the first fault; false, for callers to return. */
static inline bool fail_at(fault *fault, fault_kind kind, const uint8_t *at) {
  if (fault->kind == FAULT_NONE) {
    fault->kind = kind;
    fault->at = at;
  }
  return false;
}

/* An integer of more than one byte. */
bool take_long_varint(span *message, uint64_t *value, fault *fault);

static inline bool take_varint(span *message, uint64_t *value, fault *fault) {
  if (message->at < message->end && *message->at < 0x80) {
    *value = *message->at++;
    return true;
  }
  return take_long_varint(message, value, fault);
}

/* A field of any form. */
bool take_field(span *message, field *field, fault *fault);

/* The next field of the message; false at its end, and for a fault. */
static inline bool next_field(span *message, field *field, fault *fault) {
  const uint8_t *at = message->at;
  if (at == message->end) return false;
  /* Most fields have a number below 16 and fewer than 128 bytes. */
  const bool is_short = length_of(*message) > 2 && (at[0] & 0x87) == WIRE_BYTES && at[0] > 7 && at[1] < 0x80;
  if (!is_short || (size_t)at[1] + 2 > length_of(*message)) return take_field(message, field, fault);
  field->at = at;
  field->number = at[0] >> 3;
  field->wire = WIRE_BYTES;
  field->bits = 0;
  field->bytes.at = at + 2;
  field->bytes.end = message->at = at + 2 + at[1];
  return true;
}

/* Whether the field is of that type; if not, that is the fault. */
static inline bool is_wire(const field *field, wire wire, fault *fault) {
  return field->wire == wire || fail_at(fault, FAULT_TYPE, field->at);
}

/* Whether a text has no more than so many characters. */
bool is_at_most(span text, size_t characters);

/* Whether the field is a text in UTF-8; if not, that is the fault. */
bool is_text(const field *field, fault *fault);

/* A message or text that may be there once. */
static inline bool take_once(const field *field, span *value, fault *fault) {
  if (!is_wire(field, WIRE_BYTES, fault)) return false;
  if (value->at != NULL) return fail_at(fault, FAULT_TWICE, field->at);
  *value = field->bytes;
  return true;
}

static inline double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline int64_t unzigzag(uint64_t value) { return (int64_t)(value >> 1) ^ -(int64_t)(value & 1); }

/* Numbers of a repeated field. Its memory grows, up to a million of them, and is used again. */
typedef struct {
  uint64_t *items;
  size_t count, capacity;
} numbers;

/* Adds one; false, and a fault there, without memory. */
bool add_number(numbers *numbers, uint64_t number, fault *fault, const uint8_t *at);

/* Adds those of a field, packed or not. `wire` is what each is written as. */
bool take_numbers(const field *field, wire wire, numbers *numbers, fault *fault);

void numbers_clear(numbers *numbers);
void numbers_free(numbers *numbers);

#endif

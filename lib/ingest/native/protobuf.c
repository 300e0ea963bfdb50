#include "protobuf.h"

#include <stdlib.h>

#include "writer.h"

enum { least_numbers = 64, max_numbers = 1 << 20, kept_numbers = 1 << 16 };
/* The highest bit of a byte says that more follow. */
enum { more = 0x80, payload = 0x7f, payload_bits = 7, last_shift = 63 };
enum { wire_bits = 3, wire_mask = 7 };

bool take_long_varint(span *message, uint64_t *value, fault *fault) {
  const uint8_t *start = message->at;
  uint64_t read = 0;
  for (unsigned shift = 0; shift <= last_shift; shift += payload_bits) {
    if (message->at == message->end) return fail_at(fault, FAULT_TRUNCATED, start);
    const uint8_t byte = *message->at++;
    read |= (uint64_t)(byte & payload) << shift;
    if (byte < more) {
      *value = read;
      return true;
    }
  }
  return fail_at(fault, FAULT_INTEGER, start);
}

static bool take_fixed(span *message, size_t size, field *field, fault *fault) {
  if (length_of(*message) < size) return fail_at(fault, FAULT_TRUNCATED, field->at);
  field->bits = 0;
  memcpy(&field->bits, message->at, size);
  message->at += size;
  return true;
}

static bool take_bytes(span *message, field *field, fault *fault) {
  uint64_t length;
  if (!take_varint(message, &length, fault)) return false;
  if (length > length_of(*message)) return fail_at(fault, FAULT_TRUNCATED, field->at);
  field->bits = 0;
  field->bytes = (span){message->at, message->at + length};
  message->at += length;
  return true;
}

bool take_field(span *message, field *field, fault *fault) {
  uint64_t tag;
  field->at = message->at;
  if (!take_varint(message, &tag, fault)) return false;
  if (tag >> wire_bits == 0 || tag > UINT32_MAX) return fail_at(fault, FAULT_TAG, field->at);
  field->number = (uint32_t)tag >> wire_bits;
  field->wire = (wire)(tag & wire_mask);
  switch (field->wire) {
    case WIRE_VARINT:
      return take_varint(message, &field->bits, fault);
    case WIRE_FIXED64:
      return take_fixed(message, sizeof(uint64_t), field, fault);
    case WIRE_BYTES:
      return take_bytes(message, field, fault);
    case WIRE_FIXED32:
      return take_fixed(message, sizeof(uint32_t), field, fault);
    case WIRE_GROUP:
    case WIRE_GROUP_END:
      return fail_at(fault, FAULT_GROUP, field->at);
    default:
      return fail_at(fault, FAULT_TAG, field->at);
  }
}

bool is_at_most(span text, size_t characters) {
  return length_of(text) <= characters || characters_in(text.at, length_of(text)) <= characters;
}

bool is_text(const field *field, fault *fault) {
  if (!is_wire(field, WIRE_BYTES, fault)) return false;
  return is_utf8(field->bytes.at, length_of(field->bytes)) || fail_at(fault, FAULT_TEXT, field->at);
}

bool add_number(numbers *numbers, uint64_t number, fault *fault, const uint8_t *at) {
  if (numbers->count == max_numbers) return fail_at(fault, FAULT_TOO_LARGE, at);
  if (numbers->count == numbers->capacity) {
    const size_t capacity = numbers->capacity == 0 ? least_numbers : 2 * numbers->capacity;
    uint64_t *items = realloc(numbers->items, capacity * sizeof *items);
    if (items == NULL) return fail_at(fault, FAULT_TOO_LARGE, at);
    numbers->items = items;
    numbers->capacity = capacity;
  }
  numbers->items[numbers->count++] = number;
  return true;
}

bool take_numbers(const field *field, wire wire, numbers *numbers, fault *fault) {
  if (field->wire == wire) return add_number(numbers, field->bits, fault, field->at);
  if (!is_wire(field, WIRE_BYTES, fault)) return false;
  span packed = field->bytes;
  uint64_t number;
  while (packed.at < packed.end) {
    if (wire == WIRE_VARINT) {
      if (!take_varint(&packed, &number, fault)) return false;
    } else {
      if (length_of(packed) < sizeof number) return fail_at(fault, FAULT_TRUNCATED, field->at);
      memcpy(&number, packed.at, sizeof number);
      packed.at += sizeof number;
    }
    if (!add_number(numbers, number, fault, field->at)) return false;
  }
  return true;
}

void numbers_clear(numbers *numbers) {
  numbers->count = 0;
  if (numbers->capacity > kept_numbers) numbers_free(numbers);
}

void numbers_free(numbers *numbers) {
  free(numbers->items);
  numbers->items = NULL;
  numbers->count = numbers->capacity = 0;
}

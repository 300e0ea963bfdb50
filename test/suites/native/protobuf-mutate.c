/*
 * Changes messages of protobuf so that they mostly stay messages: a field somewhere within is changed, doubled, moved or taken away, and
 * the lengths around it are right again. For targets of libFuzzer.
 */
#include "../../../lib/ingest/native/protobuf.h"

#include <stdlib.h>

enum { max_fields = 256, max_depth = 12, longest = 1 << 16, longest_varint = 10 };

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t max_length);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t max_length, unsigned seed);

static unsigned state;

static unsigned chosen(unsigned count) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % count;
}

static size_t put_varint(uint8_t *to, uint64_t value) {
  size_t length = 0;
  for (; value >= 0x80; value >>= 7) to[length++] = (uint8_t)(value | 0x80);
  to[length++] = (uint8_t)value;
  return length;
}

/* Doubles and integers where something changes. */
static const uint64_t numbers_of_interest[] = {0,
                                               1,
                                               2,
                                               0x7ff0000000000000,
                                               0xfff0000000000000,
                                               0x7ff8000000000000,
                                               0x7ff0000000000002,
                                               0x8000000000000000,
                                               0x7fffffffffffffff,
                                               0xffffffffffffffff,
                                               0x43e0000000000000,
                                               0xc3e0000000000000,
                                               0x4340000000000000,
                                               0x3ff0000000000000,
                                               0x3fb999999999999a,
                                               0x444b1ae4d6e2ef50,
                                               1000000,
                                               1701878400123456789,
                                               1701878400000,
                                               999,
                                               1000,
                                               0x3eb0c6f7a0b5ed8d};

/* The value of a field, as its bytes stand in a message; returns the length. */
static size_t mutate_value(const field *field, uint8_t *to, size_t room, int depth);

static size_t mutate_message(uint8_t *bytes, size_t length, size_t room, int depth) {
  uint8_t copy[longest];
  field fields[max_fields];
  const uint8_t *ends[max_fields];
  unsigned count = 0;
  fault fault = {FAULT_NONE, NULL};
  if (length == 0 || length > longest || depth == max_depth) return LLVMFuzzerMutate(bytes, length, room);
  memcpy(copy, bytes, length);
  span message = {copy, copy + length};
  while (count < max_fields && next_field(&message, &fields[count], &fault)) ends[count++] = message.at;
  if (fault.kind != FAULT_NONE || count == 0) return LLVMFuzzerMutate(bytes, length, room);
  const unsigned n = chosen(count);
  const field *field = &fields[n];
  const size_t start = (size_t)(field->at - copy), after = (size_t)(ends[n] - copy), rest = length - after;
  size_t made = start;
  switch (chosen(12)) {
    case 0: /* Away. */
      break;
    case 1: /* Twice, perhaps at the end. */
      if (length + after - start > room) return length;
      memcpy(bytes + length, copy + start, after - start);
      return length + after - start;
    case 2: /* Before the first. */
      memcpy(bytes, copy + start, after - start);
      memcpy(bytes + after - start, copy, start);
      return length;
    case 3: { /* With another number. */
      const uint64_t tag = (uint64_t)(1 + chosen(16)) << 3 | (chosen(8) == 0 ? chosen(8) : field->wire);
      made += put_varint(bytes + made, tag);
      const uint8_t *value = field->at;
      while (*value >= 0x80) value++;
      value++;
      const size_t value_length = (size_t)(ends[n] - value);
      if (made + value_length + rest > room) return LLVMFuzzerMutate(bytes, length, room);
      memcpy(bytes + made, value, value_length);
      made += value_length;
      break;
    }
    default: {
      if (start + rest + 2 * longest_varint > room) return LLVMFuzzerMutate(bytes, length, room);
      made += put_varint(bytes + made, (uint64_t)field->number << 3 | field->wire);
      made += mutate_value(field, bytes + made, room - made - rest, depth);
    }
  }
  memcpy(bytes + made, copy + after, rest);
  return made + rest;
}

static size_t mutate_value(const field *field, uint8_t *to, size_t room, int depth) {
  const unsigned interest = chosen(sizeof numbers_of_interest / sizeof *numbers_of_interest);
  const uint64_t number = chosen(3) == 0 ? field->bits + chosen(5) - 2 : numbers_of_interest[interest];
  const size_t fixed = field->wire == WIRE_FIXED32 ? sizeof(uint32_t) : sizeof(uint64_t);
  if (field->wire == WIRE_VARINT) return put_varint(to, number);
  if (field->wire != WIRE_BYTES) {
    memcpy(to, &number, fixed);
    return fixed;
  }
  static uint8_t contents[max_depth][longest];
  const size_t length = length_of(field->bytes),
               most = room - longest_varint < longest ? room - longest_varint : longest;
  uint8_t *content = contents[depth];
  size_t made = length < most ? length : most;
  if (made > 0) memcpy(content, field->bytes.at, made);
  made = mutate_message(content, made, most, depth + 1);
  const size_t head = put_varint(to, made);
  memcpy(to + head, content, made);
  return head + made;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t max_length, unsigned seed) {
  state = seed;
  if (chosen(8) == 0) return LLVMFuzzerMutate(bytes, length, max_length);
  for (unsigned changes = 1 + chosen(3); changes > 0; changes--) length = mutate_message(bytes, length, max_length, 0);
  return length;
}

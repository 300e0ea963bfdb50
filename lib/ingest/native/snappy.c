#include "snappy.h"

enum { kept_bytes = 4 << 20 };
/* Copies of 64 bytes take 3, and nothing comes to more. */
enum { most_a_byte = 22 };
enum { longest_length = 5 };
/* Written beyond the end of a copy, into room that is there. */
enum { word_size = 8, slack = 2 * word_size };

enum { kind_bits = 2, kind_mask = 3, literal = 0, copy_1 = 1, copy_2 = 2 };
/* Lengths of literals from here on stand in bytes of their own. */
enum { short_literal = 60 };

typedef struct {
  const uint8_t *at, *end;
  uint8_t *start, *to, *to_end;
} inflation;

static bool take_little_endian(inflation *inflation, size_t bytes, size_t *value) {
  if ((size_t)(inflation->end - inflation->at) < bytes) return false;
  uint32_t read = 0;
  memcpy(&read, inflation->at, bytes);
  inflation->at += bytes;
  *value = read;
  return true;
}

static bool take_literal(inflation *inflation, size_t length) {
  if (length > short_literal) {
    if (!take_little_endian(inflation, length - short_literal, &length)) return false;
    length++;
  }
  if (length > (size_t)(inflation->end - inflation->at) || length > (size_t)(inflation->to_end - inflation->to))
    return false;
  memcpy(inflation->to, inflation->at, length);
  inflation->at += length;
  inflation->to += length;
  return true;
}

/* Repeats what was written `offset` bytes before; it may overlap itself. */
static bool repeat(inflation *inflation, size_t offset, size_t length) {
  if (offset == 0 || offset > (size_t)(inflation->to - inflation->start)) return false;
  if (length > (size_t)(inflation->to_end - inflation->to)) return false;
  const uint8_t *from = inflation->to - offset;
  uint8_t *to = inflation->to;
  inflation->to += length;
  if (offset < word_size) {
    while (to < inflation->to) *to++ = *from++;
    return true;
  }
  for (; to < inflation->to; to += word_size, from += word_size) memcpy(to, from, word_size);
  return true;
}

static bool take_element(inflation *inflation) {
  const uint8_t tag = *inflation->at++;
  const size_t upper = tag >> kind_bits;
  size_t offset;
  switch (tag & kind_mask) {
    case literal:
      return take_literal(inflation, upper + 1);
    case copy_1:
      if (!take_little_endian(inflation, 1, &offset)) return false;
      return repeat(inflation, (upper >> 3) << 8 | offset, (upper & 7) + 4);
    case copy_2:
      return take_little_endian(inflation, 2, &offset) && repeat(inflation, offset, upper + 1);
    default:
      return take_little_endian(inflation, 4, &offset) && repeat(inflation, offset, upper + 1);
  }
}

bool snappy_inflate(span compressed, size_t longest, writer *writer, fault *fault) {
  const uint8_t *start = compressed.at;
  uint64_t length;
  if (!take_varint(&compressed, &length, fault)) return false;
  if (compressed.at - start > longest_length || length > UINT32_MAX) return fail_at(fault, FAULT_COMPRESSION, start);
  if (length > longest) return fail_at(fault, FAULT_TOO_LARGE, start);
  if (length > most_a_byte * length_of(compressed)) return fail_at(fault, FAULT_COMPRESSION, start);
  writer_begin(writer, length + slack);
  writer_clear(writer, kept_bytes);
  uint8_t *to = writer_room(writer, length + slack);
  if (to == NULL) return fail_at(fault, FAULT_TOO_LARGE, start);
  inflation inflation = {compressed.at, compressed.end, to, to, to + length};
  while (inflation.at < inflation.end)
    if (!take_element(&inflation)) return fail_at(fault, FAULT_COMPRESSION, inflation.at);
  if (inflation.to != inflation.to_end) return fail_at(fault, FAULT_COMPRESSION, inflation.end);
  writer->length = length;
  return true;
}

#include "writer.h"

#include <stdlib.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read as their bytes stand, the first one lowest");

enum { least_capacity = 256 };
/* Bytes that are read and stored at a time. */
enum { word_size = 8 };
/* As in \u001f. */
enum { longest_escape = 6 };
/* The longest integer, with its sign. */
enum { longest_integer = 20 };
/* Digits that JavaScript writes without an exponent. */
enum { most_digits = 21, most_zeros = 6 };

static const double integers_end = 9007199254740992.0;
static const double bits_end = 9223372036854775808.0;

bool writer_grow(writer *writer, size_t more) {
  if (writer->length > writer->bound || more > writer->bound - writer->length) {
    writer->full = true;
    return false;
  }
  size_t capacity = writer->capacity < least_capacity ? least_capacity : writer->capacity;
  while (capacity - writer->length <= more) capacity *= 2;
  uint8_t *bytes = realloc(writer->bytes, capacity);
  if (bytes == NULL) {
    writer->full = true;
    return false;
  }
  writer->bytes = bytes;
  writer->capacity = capacity;
  return true;
}

void writer_begin(writer *writer, size_t bound) {
  writer->length = 0;
  writer->bound = bound;
  writer->full = false;
}

void writer_clear(writer *writer, size_t kept) {
  writer->length = 0;
  if (writer->capacity > kept) writer_free(writer);
}

void writer_free(writer *writer) {
  free(writer->bytes);
  writer->bytes = NULL;
  writer->length = writer->capacity = 0;
}

/* How long the sequence of UTF-8 is that begins here with a byte beyond ASCII; 0 if it is none. */
static size_t sequence_at(const uint8_t *at, const uint8_t *end) {
  const size_t left = (size_t)(end - at);
  const uint8_t first = at[0];
  if (first < 0xc2 || first > 0xf4 || left < 2 || (at[1] & 0xc0) != 0x80) return 0;
  if (first < 0xe0) return 2;
  if (left < 3 || (at[2] & 0xc0) != 0x80) return 0;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && at[1] < 0xa0, surrogate = first == 0xed && at[1] > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (left < 4 || (at[3] & 0xc0) != 0x80) return 0;
  const bool overlong = first == 0xf0 && at[1] < 0x90, beyond = first == 0xf4 && at[1] > 0x8f;
  return overlong || beyond ? 0 : 4;
}

static uint64_t each_byte(uint8_t byte) { return byte * UINT64_C(0x0101010101010101); }

/* The highest bit of each byte that is below 0x20, " or \, or beyond ASCII; of those above the first, perhaps of others. */
static uint64_t special_in(uint64_t word) {
  const uint64_t quotes = word ^ each_byte('"'), backslashes = word ^ each_byte('\\');
  const uint64_t controls = (word - each_byte(0x20)) & ~word;
  const uint64_t marks = ((quotes - each_byte(1)) & ~quotes) | ((backslashes - each_byte(1)) & ~backslashes);
  return (controls | marks | word) & each_byte(0x80);
}

static bool is_special(uint8_t byte) { return byte < ' ' || byte == '"' || byte == '\\' || byte >= 0x80; }

static uint8_t *escape(uint8_t *at, uint8_t byte) {
  static const char hex[] = "0123456789abcdef";
  static const char letters[] = "btnvfr";
  *at++ = '\\';
  if (byte == '"' || byte == '\\') {
    *at++ = byte;
  } else if (byte >= '\b' && byte <= '\r' && byte != '\v') {
    *at++ = (uint8_t)letters[byte - '\b'];
  } else {
    memcpy(at, "u00", 3);
    at[3] = (uint8_t)hex[byte >> 4];
    at[4] = (uint8_t)hex[byte & 0xf];
    at += 5;
  }
  return at;
}

/* Copies up to the first byte that is special, and perhaps beyond it. */
static size_t copy_plain(uint8_t *to, const uint8_t *text, const uint8_t *end) {
  const uint8_t *at = text;
  while ((size_t)(end - at) >= word_size) {
    uint64_t word;
    memcpy(&word, at, word_size);
    memcpy(to, &word, word_size);
    const uint64_t special = special_in(word);
    if (special != 0) return (size_t)(at - text) + (size_t)__builtin_ctzll(special) / 8;
    at += word_size;
    to += word_size;
  }
  while (at < end && !is_special(*at)) *to++ = *at++;
  return (size_t)(at - text);
}

bool put_text(writer *writer, const uint8_t *text, size_t length) {
  /* What is empty may have no address. */
  if (length == 0) return true;
  const uint8_t *end = text + length;
  while (text < end) {
    uint8_t *to = writer_room(writer, (size_t)(end - text) + longest_escape);
    if (to == NULL) return is_utf8(text, (size_t)(end - text));
    const size_t plain = copy_plain(to, text, end);
    text += plain;
    to += plain;
    /* Of several beyond ASCII, one after the other has its room already. */
    while (text < end && *text >= 0x80) {
      const size_t sequence = sequence_at(text, end);
      if (sequence == 0) return false;
      memcpy(to, text, sequence);
      text += sequence;
      to += sequence;
    }
    if (text < end && *text < 0x80 && is_special(*text)) to = escape(to, *text++);
    writer->length = (size_t)(to - writer->bytes);
  }
  return true;
}

bool put_string(writer *writer, const uint8_t *text, size_t length) {
  put_byte(writer, '"');
  const bool good = put_text(writer, text, length);
  put_byte(writer, '"');
  return good;
}

bool is_utf8(const uint8_t *text, size_t length) {
  if (length == 0) return true;
  const uint8_t *end = text + length;
  while (text < end) {
    uint64_t word;
    if ((size_t)(end - text) >= word_size) {
      memcpy(&word, text, word_size);
      if ((word & each_byte(0x80)) == 0) {
        text += word_size;
        continue;
      }
    }
    const size_t sequence = *text < 0x80 ? 1 : sequence_at(text, end);
    if (sequence == 0) return false;
    text += sequence;
  }
  return true;
}

size_t characters_in(const uint8_t *text, size_t length) {
  size_t count = 0;
  for (size_t i = 0; i < length; i++) count += (text[i] & 0xc0) != 0x80;
  return count;
}

/* Writes the digits before `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t value) {
  do {
    *--end = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  return end;
}

static void put_digits(writer *writer, bool negative, uint64_t value) {
  char text[longest_integer];
  char *end = text + longest_integer, *start = digits_before(end, value);
  if (negative) *--start = '-';
  put_bytes(writer, start, (size_t)(end - start));
}

void put_int64(writer *writer, int64_t value) {
  put_digits(writer, value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void put_uint64(writer *writer, uint64_t value) {
  if (value > INT64_MAX)
    put_number(writer, (double)value);
  else
    put_digits(writer, false, value);
}

static void put_zeros(writer *writer, int count) { put_bytes(writer, "000000000000000000000", (size_t)count); }

/* As ECMA-262 has it in Number::toString: `count` digits, of which `point` are before the point. */
static void put_plainly(writer *writer, const char *digits, int count, int point) {
  if (point >= count) {
    put_bytes(writer, digits, (size_t)count);
    put_zeros(writer, point - count);
  } else if (point > 0) {
    put_bytes(writer, digits, (size_t)point);
    put_byte(writer, '.');
    put_bytes(writer, digits + point, (size_t)(count - point));
  } else {
    put_literal(writer, "0.");
    put_zeros(writer, -point);
    put_bytes(writer, digits, (size_t)count);
  }
}

static void put_with_exponent(writer *writer, const char *digits, int count, int exponent) {
  put_byte(writer, digits[0]);
  if (count > 1) put_byte(writer, '.');
  put_bytes(writer, digits + 1, (size_t)(count - 1));
  put_bytes(writer, exponent < 0 ? "e-" : "e+", 2);
  put_digits(writer, false, (uint64_t)abs(exponent));
}

void put_number(writer *writer, double value) {
  if (value > -integers_end && value < integers_end && (double)(int64_t)value == value) {
    put_int64(writer, (int64_t)value);
    return;
  }
  char text[longest_scientific], digits[longest_scientific];
  const char *end = text + write_scientific(value, text), *at = text;
  int count = 0, exponent = 0;
  if (*at == '-') put_byte(writer, *at++);
  for (; *at != 'e'; at++)
    if (*at != '.') digits[count++] = *at;
  const bool small = at[1] == '-';
  for (at += 2; at < end; at++) exponent = 10 * exponent + (*at - '0');
  if (small) exponent = -exponent;
  const bool beyond = value >= bits_end || value <= -bits_end;
  if (!beyond && exponent < most_digits && exponent >= -most_zeros)
    put_plainly(writer, digits, count, exponent + 1);
  else
    put_with_exponent(writer, digits, count, exponent);
}

void put_hex(writer *writer, const uint8_t *bytes, size_t length) {
  static const char hex[] = "0123456789abcdef";
  uint8_t *at = writer_room(writer, 2 * length);
  if (at == NULL) return;
  for (size_t i = 0; i < length; i++) {
    *at++ = (uint8_t)hex[bytes[i] >> 4];
    *at++ = (uint8_t)hex[bytes[i] & 0xf];
  }
  writer->length += 2 * length;
}

void put_base64(writer *writer, const uint8_t *bytes, size_t length) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t written = (length + 2) / 3 * 4;
  uint8_t *at = writer_room(writer, written);
  if (at == NULL) return;
  for (size_t i = 0; i < length; i += 3) {
    const size_t left = length - i;
    const uint32_t three =
        (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    *at++ = (uint8_t)digits[three >> 18];
    *at++ = (uint8_t)digits[three >> 12 & 0x3f];
    *at++ = (uint8_t)(left > 1 ? digits[three >> 6 & 0x3f] : '=');
    *at++ = (uint8_t)(left > 2 ? digits[three & 0x3f] : '=');
  }
  writer->length += written;
}

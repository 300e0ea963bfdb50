/*
 * Writes JSON into memory that grows up to a bound and is used again. What goes beyond the bound is not written, and `full` says
 * so: callers look once, at the end.
 */
#ifndef VANTAGE_WRITER_H
#define VANTAGE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint8_t *bytes;
  size_t length, capacity;
  /* How long it may become. */
  size_t bound;
  bool full;
} writer;

/* Makes room for `more` bytes; false, and `full`, where there is none. */
bool writer_grow(writer *writer, size_t more);

/* Empties it, and says how long it may become. */
void writer_begin(writer *writer, size_t bound);

/* Empties it; what is full stays so. Memory beyond `kept` bytes goes back. */
void writer_clear(writer *writer, size_t kept);

void writer_free(writer *writer);

/* Where the next `more` bytes go; NULL where there is no room. */
static inline uint8_t *writer_room(writer *writer, size_t more) {
  if (__builtin_expect(more < writer->capacity - writer->length, 1) || writer_grow(writer, more))
    return writer->bytes + writer->length;
  return NULL;
}

static inline void put_bytes(writer *writer, const void *bytes, size_t length) {
  uint8_t *at = writer_room(writer, length);
  if (at == NULL || length == 0) return;
  memcpy(at, bytes, length);
  writer->length += length;
}

static inline void put_byte(writer *writer, char byte) { put_bytes(writer, &byte, 1); }

#define put_literal(writer, literal) put_bytes((writer), (literal), sizeof(literal) - 1)

static inline void put_all(writer *to, const writer *from) { put_bytes(to, from->bytes, from->length); }

/* The text with what JSON escapes escaped, without quotes. false if it is not UTF-8. */
bool put_text(writer *writer, const uint8_t *text, size_t length);

/* The same in quotes. */
bool put_string(writer *writer, const uint8_t *text, size_t length);

bool is_utf8(const uint8_t *text, size_t length);

/* How many characters a text in UTF-8 has. */
size_t characters_in(const uint8_t *text, size_t length);

void put_int64(writer *writer, int64_t value);

/* In digits, or as a double with an exponent where many consumers' integers of 64 bits would end. */
void put_uint64(writer *writer, uint64_t value);

/*
 * A finite number as JSON.stringify writes it, the shortest that reads as the same double; with an exponent where its digits would
 * be an integer beyond 64 bits.
 */
void put_number(writer *writer, double value);

void put_hex(writer *writer, const uint8_t *bytes, size_t length);

void put_base64(writer *writer, const uint8_t *bytes, size_t length);

/* Room for any finite double as number.cc writes it. */
enum { longest_scientific = 32 };

/*
 * Writes the fewest digits that read as this double, not 0, as 1.25e+02 (number.cc); returns the length.
 */
size_t write_scientific(double value, char text[longest_scientific]);

/* Reads a number as strtod does, whatever the locale (number.cc). false for what is none, or none that a double holds. */
bool read_double(const char *text, size_t length, double *value);

#endif

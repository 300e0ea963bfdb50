#include "influx.h"

#include <stdlib.h>

#include "hash.h"

enum { least_fields = 64, kept_fields = 1 << 14 };
/* Longer numbers are no numbers: the longest that printf writes of a double has 317 characters. */
enum { longest_number = 400 };

static uint8_t peek(const influx_reader *influx) { return influx->at < influx->end ? *influx->at : '\n'; }

static bool is_one_of(uint8_t byte, const char *bytes) { return byte != 0 && strchr(bytes, byte) != NULL; }

static bool is_line_end(const influx_reader *influx) {
  const uint8_t byte = peek(influx);
  return byte == '\n' || (byte == '\r' && (influx->at + 1 == influx->end || influx->at[1] == '\n'));
}

/*
 * Takes a name or the value of a tag, up to a byte of `ends` or the end of the line. A backslash before one of `escapes` stands for that
 * byte, before any other for itself. Empty where there is none.
 */
static span take_token(influx_reader *influx, const char *ends, const char *escapes) {
  const uint8_t *start = influx->at;
  bool escaped = false;
  for (; !is_line_end(influx) && !is_one_of(*influx->at, ends); influx->at++) {
    if (*influx->at != '\\' || influx->at + 1 == influx->end || !is_one_of(influx->at[1], escapes)) continue;
    escaped = true;
    influx->at++;
  }
  if (!escaped) return (span){start, influx->at};
  uint8_t *to = influx->plain.bytes + influx->plain.length;
  const uint8_t *plain = to;
  for (const uint8_t *at = start; at < influx->at; at++) {
    if (*at == '\\' && at + 1 < influx->at && is_one_of(at[1], escapes)) at++;
    *to++ = *at;
  }
  influx->plain.length = (size_t)(to - influx->plain.bytes);
  return (span){plain, to};
}

/* A text in quotes, which may have line breaks. */
static bool take_quoted(influx_reader *influx, span *text) {
  uint8_t *to = influx->plain.bytes + influx->plain.length;
  text->at = to;
  for (influx->at++; influx->at < influx->end && *influx->at != '"'; influx->at++) {
    const bool is_escape =
        *influx->at == '\\' && influx->at + 1 < influx->end && (influx->at[1] == '"' || influx->at[1] == '\\');
    if (is_escape) influx->at++;
    *to++ = *influx->at;
  }
  text->end = to;
  influx->plain.length = (size_t)(to - influx->plain.bytes);
  if (influx->at == influx->end) return false;
  influx->at++;
  return true;
}

static bool is_word(span text, const char *word) {
  return length_of(text) == strlen(word) && memcmp(text.at, word, length_of(text)) == 0;
}

static bool take_boolean(span text, influx_field *field) {
  static const char *const words[2][5] = {{"f", "F", "false", "False", "FALSE"}, {"t", "T", "true", "True", "TRUE"}};
  field->kind = FIELD_BOOLEAN;
  for (uint64_t value = 0; value < 2; value++)
    for (size_t i = 0; i < 5; i++)
      if (is_word(text, words[value][i])) {
        field->bits = value;
        return true;
      }
  return false;
}

/* Digits of at most 64 bits. */
static bool take_digits(span digits, uint64_t *value) {
  *value = 0;
  if (length_of(digits) == 0) return false;
  for (const uint8_t *at = digits.at; at < digits.end; at++) {
    if (*at < '0' || *at > '9') return false;
    if (__builtin_mul_overflow(*value, 10u, value) || __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value))
      return false;
  }
  return true;
}

static bool take_integer(span text, int64_t *value) {
  const bool negative = length_of(text) > 0 && *text.at == '-';
  uint64_t digits;
  if (negative) text.at++;
  if (!take_digits(text, &digits) || digits > (uint64_t)INT64_MAX + negative) return false;
  *value = (int64_t)(negative ? -digits : digits);
  return true;
}

static bool take_double(span text, influx_field *field) {
  double value;
  field->kind = FIELD_NUMBER;
  if (length_of(text) == 0 || length_of(text) > longest_number) return false;
  /* Not NaN or infinity, which it would read as well. */
  for (const uint8_t *at = text.at; at < text.end; at++)
    if (!is_one_of(*at, "0123456789+-.eE")) return false;
  if (*text.at == '+') return false;
  if (!read_double((const char *)text.at, length_of(text), &value)) return false;
  memcpy(&field->bits, &value, sizeof value);
  return true;
}

static bool take_value(influx_reader *influx, influx_field *field) {
  if (peek(influx) == '"') {
    field->kind = FIELD_TEXT;
    return take_quoted(influx, &field->text);
  }
  span text = take_token(influx, ", ", "");
  if (length_of(text) == 0) return false;
  const uint8_t last = text.end[-1];
  const span digits = {text.at, text.end - 1};
  if (last == 'i') {
    field->kind = FIELD_INTEGER;
    int64_t value;
    if (!take_integer(digits, &value)) return false;
    field->bits = (uint64_t)value;
    return true;
  }
  if (last == 'u') {
    field->kind = FIELD_UNSIGNED;
    return take_digits(digits, &field->bits);
  }
  return take_boolean(text, field) || take_double(text, field);
}

static bool add_field(influx_reader *influx, const influx_field *field) {
  if (influx->field_count == influx->field_capacity) {
    const size_t capacity = influx->field_capacity == 0 ? least_fields : 2 * influx->field_capacity;
    influx_field *fields = realloc(influx->fields, capacity * sizeof *fields);
    if (fields == NULL) {
      influx->reading->text.full = true;
      return false;
    }
    influx->fields = fields;
    influx->field_capacity = capacity;
  }
  influx->fields[influx->field_count++] = *field;
  return true;
}

static void skip_spaces(influx_reader *influx) {
  while (peek(influx) == ' ') influx->at++;
}

/* Which of the settings' tags for a service this is; UINT32_MAX for none. */
static uint32_t rank_of(const reader_options *options, span name) {
  const char *at = options->service_tags, *const end = at + options->service_tags_length;
  for (uint32_t rank = 0; at < end; rank++) {
    const char *comma = memchr(at, ',', (size_t)(end - at));
    const size_t length = (size_t)((comma == NULL ? end : comma) - at);
    if (length == length_of(name) && memcmp(at, name.at, length) == 0) return rank;
    at += length + 1;
  }
  return UINT32_MAX;
}

static bool add_tag(tag_set *set, span name, span value) {
  const tag_beginning beginning = tag_begins(set, name, hash_of(name.at, length_of(name)));
  if (beginning != TAG_BEGUN) return beginning == TAG_LEFT_OUT && is_utf8(value.at, length_of(value));
  const bool good = put_string(&set->text, value.at, length_of(value));
  tag_ends(set);
  return good;
}

static rejection_reason read_tags(influx_reader *influx) {
  bool is_good = true;
  while (peek(influx) == ',') {
    influx->at++;
    const span name = take_token(influx, "=, ", ",= ");
    if (length_of(name) == 0 || peek(influx) != '=') return REJECTED_LINE;
    influx->at++;
    const span value = take_token(influx, ",= ", ",= ");
    if (length_of(value) == 0 || peek(influx) == '=') return REJECTED_LINE;
    const uint32_t rank = rank_of(influx->reading->options, name);
    if (rank < influx->service_rank) {
      /* The tag that was the service till now is a tag again. */
      if (influx->service_rank != UINT32_MAX) is_good &= add_tag(&influx->tags, influx->service_tag, influx->service);
      influx->service_rank = rank;
      influx->service_tag = name;
      influx->service = value;
      is_good &= is_utf8(value.at, length_of(value));
    } else if (rank == UINT32_MAX || rank > influx->service_rank) {
      is_good &= add_tag(&influx->tags, name, value);
    }
  }
  return is_good ? rejection_reasons : REJECTED_TEXT;
}

static rejection_reason read_fields(influx_reader *influx) {
  bool is_good = true;
  do {
    influx_field field = {.kind = FIELD_NUMBER};
    field.name = take_token(influx, "=, ", ",= ");
    if (length_of(field.name) == 0 || peek(influx) != '=') return REJECTED_LINE;
    influx->at++;
    if (!take_value(influx, &field)) return REJECTED_LINE;
    is_good &= is_utf8(field.name.at, length_of(field.name));
    if (field.kind == FIELD_TEXT) is_good &= is_utf8(field.text.at, length_of(field.text));
    if (!add_field(influx, &field)) return REJECTED_LINE;
    if (peek(influx) != ',') return is_good ? rejection_reasons : REJECTED_TEXT;
    influx->at++;
  } while (true);
}

rejection_reason read_line(influx_reader *influx) {
  influx->plain.length = influx->field_count = 0;
  if (influx->field_capacity > kept_fields) {
    free(influx->fields);
    influx->fields = NULL;
    influx->field_capacity = 0;
  }
  tags_clear(&influx->tags);
  influx->service_rank = UINT32_MAX;
  influx->service = influx->request->database;
  influx->has_time = false;
  influx->measurement = take_token(influx, ", ", ", ");
  if (length_of(influx->measurement) == 0) return REJECTED_LINE;
  rejection_reason reason = read_tags(influx);
  if (reason == REJECTED_LINE) return reason;
  if (peek(influx) != ' ') return REJECTED_LINE;
  skip_spaces(influx);
  const rejection_reason of_fields = read_fields(influx);
  if (of_fields == REJECTED_LINE) return of_fields;
  if (reason == rejection_reasons) reason = of_fields;
  if (!is_line_end(influx) && peek(influx) != ' ') return REJECTED_LINE;
  skip_spaces(influx);
  if (!is_line_end(influx)) {
    influx->has_time = true;
    if (!take_integer(take_token(influx, " ", ""), &influx->time)) return REJECTED_LINE;
    skip_spaces(influx);
  }
  if (!is_line_end(influx)) return REJECTED_LINE;
  return is_utf8(influx->measurement.at, length_of(influx->measurement)) ? reason : REJECTED_TEXT;
}

#include "attributes.h"

#include <math.h>

enum { kept_bytes = 1 << 16 };

static wire wire_of(uint32_t number) {
  if (number == ANY_BOOL || number == ANY_INT) return WIRE_VARINT;
  return number == ANY_DOUBLE ? WIRE_FIXED64 : WIRE_BYTES;
}

static bool take_any(span message, any_value *value, fault *fault) {
  field field;
  *value = (any_value){.kind = ANY_NONE};
  while (next_field(&message, &field, fault)) {
    if (field.number > ANY_BYTES) continue;
    if (!is_wire(&field, wire_of(field.number), fault)) return false;
    if (value->kind != ANY_NONE) return fail_at(fault, FAULT_TWICE, field.at);
    *value =
        (any_value){(any_kind)field.number, field.bits, field.wire == WIRE_BYTES ? field.bytes : (span){NULL, NULL}};
  }
  return fault->kind == FAULT_NONE;
}

bool take_attribute(span message, attribute *attribute, fault *fault) {
  enum { key = 1, value = 2 };
  field field;
  span given = {NULL, NULL};
  attribute->name = (span){message.at, message.at};
  while (next_field(&message, &field, fault)) {
    if (field.number == key) {
      /* One that another follows is never written. */
      if (!is_utf8(attribute->name.at, length_of(attribute->name)))
        return fail_at(fault, FAULT_TEXT, attribute->name.at);
      if (!is_wire(&field, WIRE_BYTES, fault)) return false;
      attribute->name = field.bytes;
    } else if (field.number == value) {
      if (!take_once(&field, &given, fault)) return false;
    }
  }
  return fault->kind == FAULT_NONE && take_any(given, &attribute->value, fault);
}

static void put_double(writer *to, double value) {
  if (isfinite(value))
    put_number(to, value);
  else if (isnan(value))
    put_literal(to, "NaN");
  else if (value > 0)
    put_literal(to, "Infinity");
  else
    put_literal(to, "-Infinity");
}

static bool put_as_json(writer *to, const any_value *value, int nesting, fault *fault);

static bool put_list(writer *to, span message, int nesting, fault *fault) {
  enum { values = 1 };
  field field;
  any_value item;
  bool first = true;
  put_byte(to, '[');
  while (next_field(&message, &field, fault)) {
    if (field.number != values) continue;
    if (!is_wire(&field, WIRE_BYTES, fault)) return false;
    if (!first) put_byte(to, ',');
    first = false;
    if (!take_any(field.bytes, &item, fault) || !put_as_json(to, &item, nesting, fault)) return false;
  }
  put_byte(to, ']');
  return fault->kind == FAULT_NONE;
}

static bool put_map(writer *to, span message, int nesting, fault *fault) {
  enum { values = 1 };
  field field;
  attribute item;
  bool first = true;
  put_byte(to, '{');
  while (next_field(&message, &field, fault)) {
    if (field.number != values) continue;
    if (!is_wire(&field, WIRE_BYTES, fault) || !take_attribute(field.bytes, &item, fault)) return false;
    if (!first) put_byte(to, ',');
    first = false;
    if (!put_string(to, item.name.at, length_of(item.name))) return fail_at(fault, FAULT_TEXT, field.at);
    put_byte(to, ':');
    if (!put_as_json(to, &item.value, nesting, fault)) return false;
  }
  put_byte(to, '}');
  return fault->kind == FAULT_NONE;
}

static bool put_checked(writer *to, span text, fault *fault) {
  return put_text(to, text.at, length_of(text)) || fail_at(fault, FAULT_TEXT, text.at);
}

/* What is in quotes. */
static bool put_quoted(writer *to, const any_value *value, fault *fault) {
  bool good = true;
  put_byte(to, '"');
  if (value->kind == ANY_TEXT)
    good = put_checked(to, value->bytes, fault);
  else if (value->kind == ANY_BYTES)
    put_base64(to, value->bytes.at, length_of(value->bytes));
  else
    put_double(to, double_of(value->bits));
  put_byte(to, '"');
  return good;
}

static bool put_as_json(writer *to, const any_value *value, int nesting, fault *fault) {
  switch (value->kind) {
    case ANY_LIST:
    case ANY_MAP:
      if (nesting == max_nesting) return fail_at(fault, FAULT_TOO_DEEP, value->bytes.at);
      return (value->kind == ANY_LIST ? put_list : put_map)(to, value->bytes, nesting + 1, fault);
    case ANY_BOOL:
      put_bytes(to, value->bits != 0 ? "true" : "false", value->bits != 0 ? 4 : 5);
      return true;
    case ANY_INT:
      put_int64(to, (int64_t)value->bits);
      return true;
    case ANY_NONE:
      put_literal(to, "null");
      return true;
    case ANY_DOUBLE:
      if (isfinite(double_of(value->bits))) {
        put_number(to, double_of(value->bits));
        return true;
      }
      /* falls through */
    default:
      return put_quoted(to, value, fault);
  }
}

bool put_as_text(writer *to, const any_value *value, writer *nested, fault *fault) {
  switch (value->kind) {
    case ANY_NONE:
      return true;
    case ANY_TEXT:
      return put_checked(to, value->bytes, fault);
    case ANY_BYTES:
      put_base64(to, value->bytes.at, length_of(value->bytes));
      return true;
    case ANY_DOUBLE:
      put_double(to, double_of(value->bits));
      return true;
    case ANY_LIST:
    case ANY_MAP:
      writer_clear(nested, kept_bytes);
      nested->bound = to->bound;
      if (!put_as_json(nested, value, 0, fault)) return false;
      to->full |= nested->full;
      return put_text(to, nested->bytes, nested->length);
    default:
      return put_as_json(to, value, 0, fault);
  }
}

/* Attributes of OpenTelemetry: KeyValue and AnyValue of its common.proto, written as text or as JSON. */
#ifndef VANTAGE_ATTRIBUTES_H
#define VANTAGE_ATTRIBUTES_H

#include "protobuf.h"
#include "writer.h"

/* Lists and maps in one another. */
enum { max_nesting = 64 };

/* By their field numbers. */
typedef enum { ANY_NONE, ANY_TEXT, ANY_BOOL, ANY_INT, ANY_DOUBLE, ANY_LIST, ANY_MAP, ANY_BYTES } any_kind;

typedef struct {
  any_kind kind;
  uint64_t bits;
  /* NULL in those that have none. */
  span bytes;
} any_value;

typedef struct {
  span name;
  any_value value;
} attribute;

/* Texts are not looked at yet: they are where they are written. */
bool take_attribute(span message, attribute *attribute, fault *fault);

/* The value as a text of JSON, without quotes. Lists and maps are JSON in it, for which `nested` is room. */
bool put_as_text(writer *to, const any_value *value, writer *nested, fault *fault);

#endif

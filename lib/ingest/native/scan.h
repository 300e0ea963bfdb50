/*
 * Finds out in one pass whether a body is a batch of which every metric is good, and where each stands in it.
 *
 * It says yes only where it is sure: plain JSON, each known member at most once, no escapes where they would matter, no
 * number that could overflow. Whatever is out of the ordinary is "not sure", and left to JSON.parse and ajv, which
 * decide. So it may be short, and an error in it can only cost time as long as each yes is right.
 */
#ifndef VANTAGE_SCAN_H
#define VANTAGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  /* Never sure. */
  RULE_NONE,
  /* Any value that is not nested. */
  RULE_ANY,
  /* minimum to maximum, inclusive. */
  RULE_INTEGER,
  /* The same; the earliest and the latest of all are found. */
  RULE_INSTANT,
  /* Finite; at least 0 where the minimum is 0. */
  RULE_NUMBER,
  /* minimum to maximum characters. */
  RULE_TEXT,
  /* One of the choices. */
  RULE_CHOICE,
  /* An object whose values are strings. */
  RULE_TEXTS,
  /* The array of metrics, minimum to maximum of them. */
  RULE_METRICS,
} rule_kind;

/* What a member may be. Members without a rule may be anything. */
typedef struct {
  char *name;
  size_t name_length;
  rule_kind kind;
  bool nullable;
  bool bounded_below;
  uint64_t minimum;
  uint64_t maximum;
  /* Each with its length before it, in one byte. */
  char *choices;
  size_t choices_length;
} rule;

/* At most 32 rules: which of them have been met is a bit each. */
enum { max_rules = 32 };
typedef struct {
  rule *rules;
  uint32_t count;
  /* Those that must be met, a bit each. */
  uint32_t required;
} rules;

typedef struct {
  rules envelope;
  rules metric;
} schema;

/* Three numbers a metric: where it starts and ends (exclusive) in the body, and which rules of a metric it met, a bit each. */
enum { place_size = 3 };

typedef struct {
  /* Where the value of each member of the envelope starts and ends; 0 for one that is absent. */
  uint32_t values[2 * max_rules];
  uint32_t metrics;
  uint64_t earliest, latest;
} findings;

/*
 * The body must be valid UTF-8. `places` has room for `capacity` metrics. true, with the findings, if it is a batch of
 * which every metric is good; false if not, or not surely.
 */
bool scan(const schema *schema, const uint8_t *body, size_t length, uint32_t *places, size_t capacity,
          findings *found);

#endif

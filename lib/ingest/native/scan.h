/*
 * Finds out in one pass whether a body is a batch of which every metric is good, and where each stands in it.
 *
 * It says yes only where it is sure, also that every consumer can read the record: plain JSON, no member twice, no
 * escapes, no number that could overflow. Whatever is out of the ordinary is "not sure", and left to the survey, JSON.parse
 * and ajv, which decide. So it may be short, and an error in it can only cost time as long as each yes is right.
 */
#ifndef VANTAGE_SCAN_H
#define VANTAGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* Most values of a metric, nested ones included. */
enum { max_metric_values = 1000 };

/*
 * Three numbers a metric: where it starts and ends (exclusive) in the body, and which rules of a metric it met, a bit each.
 * Two numbers a null: where a known member of a metric that is null starts and ends.
 */
enum { place_size = 3, null_size = 2 };

/* Where the scan puts what there may be many of. */
typedef struct {
  uint32_t *places;
  size_t metrics;
  uint32_t *nulls;
  size_t null_count;
} room;

typedef struct {
  /* Where the value of each member of the envelope starts and ends; 0 for one that is absent or null. */
  uint32_t values[2 * max_rules];
  uint32_t metrics, nulls;
  uint64_t earliest, latest;
  /* How many values all metrics have, nested ones included. */
  uint64_t value_count;
  /* Whether there is a line break between tokens. */
  bool line_breaks;
} findings;

/*
 * The body must be valid UTF-8. true, with the findings, if it is a batch of which every metric is good; false if not, or not
 * surely.
 */
bool scan(const schema *schema, const uint8_t *body, size_t length, const room *room, findings *found);

/* Overwrites the members found to be null, each with the comma beside it, by spaces: no record has a null. */
void blank_nulls(uint8_t *body, const uint32_t *nulls, uint32_t count);

/* Makes spaces of line breaks, which JSON has between tokens only. */
void blank_line_breaks(uint8_t *body, size_t length);

/*
 * Which rule a member has; the count of the rules if none, and whether the name of one is as long. Agents send members in one
 * order: `likely` comes after the last.
 */
static inline uint32_t find_rule(const rules *rules, const uint8_t *name, size_t length, uint32_t likely, bool *near) {
  *near = false;
  for (uint32_t n = 0; n < rules->count; n++) {
    uint32_t i = likely + n < rules->count ? likely + n : likely + n - rules->count;
    const rule *rule = &rules->rules[i];
    if (rule->name_length != length) continue;
    if (memcmp(rule->name, name, length) == 0) return i;
    *near = true;
  }
  return rules->count;
}

static inline bool is_space(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

static inline bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

#endif

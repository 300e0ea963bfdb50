#include "survey.h"

#include <stdlib.h>
#include <string.h>

/* Levels of a batch, counted from 1: the batch, its metrics, a metric. */
enum { level_of_batch = 1, level_of_metrics = 2, level_of_metric = 3 };
/* Longer than the name of any rule. */
enum { longest_name = 32 };
/* Integers of so many digits are in the range of 64 bits, whatever their digits are. */
enum { surely_64_bits = 18 };

typedef struct {
  const schema *schema;
  const uint8_t *body, *at, *end;
  /* Whether the value at each level is an object, a bit each. */
  uint8_t *objects;
  uint32_t depth;
  /* The member of the envelope that is being walked: its rule, and whether it is the array of metrics. */
  uint32_t member;
  bool in_metrics;
  /* The metric that is being walked, how many values it has, and the rule and name of the member of it. */
  surveyed metric;
  uint32_t metric_values;
  uint32_t rule;
  uint32_t name_at;
  surveyed *places;
  size_t capacity;
  survey_report *report;
} walk;

static bool fail(walk *walk, survey_end end, const uint8_t *at) {
  walk->report->end = end;
  walk->report->at = (uint32_t)(at - walk->body);
  walk->report->in_metrics = walk->in_metrics;
  return false;
}

static uint8_t peek(const walk *walk) { return walk->at < walk->end ? *walk->at : 0; }

static void skip_space(walk *walk) {
  while (walk->at < walk->end && is_space(*walk->at)) walk->at++;
}

static bool in_metric(const walk *walk) { return walk->in_metrics && walk->depth >= level_of_metrics; }

static void note(walk *walk, flaw flaw) {
  if (walk->metric.flaw != FLAW_NONE) return;
  walk->metric.flaw = flaw;
  walk->metric.flaw_at = walk->name_at;
}

static bool is_object(const walk *walk) { return walk->objects[walk->depth / 8] >> walk->depth % 8 & 1; }

static bool is_hex(uint8_t byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static unsigned value_of_hex(uint8_t digit) {
  return is_digit(digit) ? (unsigned)(digit - '0') : (unsigned)((digit | 0x20) - 'a') + 10;
}

static bool take_escape(walk *walk) {
  const uint8_t *start = walk->at++;
  if (walk->at == walk->end) return fail(walk, NO_SUCH_ESCAPE, walk->at);
  uint8_t kind = *walk->at++;
  if (kind != 'u') return memchr("\"\\/bfnrt", kind, 8) != NULL || fail(walk, NO_SUCH_ESCAPE, start);
  for (int i = 0; i < 4; i++, walk->at++) {
    if (walk->at == walk->end) return fail(walk, NO_SUCH_ESCAPE, walk->at);
    if (!is_hex(*walk->at)) return fail(walk, NO_SUCH_ESCAPE, start);
  }
  return true;
}

/* A string; `escaped` says whether it has escapes. */
static bool take_string(walk *walk, bool *escaped) {
  *escaped = false;
  for (walk->at++; walk->at < walk->end;) {
    uint8_t byte = *walk->at;
    if (byte == '"') {
      walk->at++;
      return true;
    }
    if (byte < ' ') return fail(walk, CONTROL_CHARACTER, walk->at);
    if (byte != '\\') {
      walk->at++;
      continue;
    }
    *escaped = true;
    if (!take_escape(walk)) return false;
  }
  return fail(walk, VALUE_EXPECTED, walk->end);
}

static size_t take_digits(walk *walk) {
  const uint8_t *start = walk->at;
  while (is_digit(peek(walk))) walk->at++;
  return (size_t)(walk->at - start);
}

/* A number; `integer` is how many digits it has if it is written as an integer that is not negative, else 0. */
static bool take_number(walk *walk, size_t *integer) {
  const uint8_t *start = walk->at;
  if (*start == '-') walk->at++;
  bool leading_zero = peek(walk) == '0';
  size_t digits = take_digits(walk);
  bool good = digits > 0 && !(leading_zero && digits > 1);
  *integer = *start == '-' ? 0 : digits;
  if (good && peek(walk) == '.') {
    walk->at++;
    *integer = 0;
    good = take_digits(walk) > 0;
  }
  if (good && (peek(walk) == 'e' || peek(walk) == 'E')) {
    walk->at++;
    *integer = 0;
    if (peek(walk) == '+' || peek(walk) == '-') walk->at++;
    good = take_digits(walk) > 0;
  }
  if (!good) return fail(walk, NO_NUMBER, walk->at == walk->end ? walk->at : start);
  if (in_metric(walk) && walk->at - start > max_number_length) note(walk, FLAW_NUMBER);
  return true;
}

static bool take_word(walk *walk, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(walk->end - walk->at) < length) {
    bool cut = memcmp(walk->at, word, (size_t)(walk->end - walk->at)) == 0;
    return fail(walk, VALUE_EXPECTED, cut ? walk->end : walk->at);
  }
  if (memcmp(walk->at, word, length) != 0) return fail(walk, VALUE_EXPECTED, walk->at);
  walk->at += length;
  return true;
}

/* The rule of the member whose value comes, if a metric is being walked and the value is its member's own. */
static const rule *rule_here(const walk *walk) {
  if (!walk->in_metrics || walk->depth != level_of_metric || walk->rule == walk->schema->metric.count) return NULL;
  return &walk->schema->metric.rules[walk->rule];
}

/* Whether a record has this number as it is written: integers in digits only, others within 64 bits if they are integers. */
static void judge_number(walk *walk, const rule *rule, const uint8_t *start, size_t integer) {
  bool whole = rule->kind == RULE_INTEGER || rule->kind == RULE_INSTANT;
  size_t digits = (size_t)(walk->at - start);
  if (whole ? integer == 0 : digits > surely_64_bits && rule->kind == RULE_NUMBER) walk->metric.odd = 1;
}

static bool take_scalar(walk *walk) {
  const uint8_t *start = walk->at;
  const rule *rule = rule_here(walk);
  bool escaped;
  size_t integer;
  switch (peek(walk)) {
    case '"':
      return take_string(walk, &escaped);
    case 't':
      return take_word(walk, "true");
    case 'f':
      return take_word(walk, "false");
    case 'n':
      if (rule != NULL) walk->metric.odd = 1;
      return take_word(walk, "null");
    default:
      if (peek(walk) != '-' && !is_digit(peek(walk))) return fail(walk, VALUE_EXPECTED, walk->at);
      if (!take_number(walk, &integer)) return false;
      if (rule != NULL) judge_number(walk, rule, start, integer);
      return true;
  }
}

/*
 * What a name with escapes stands for, if it is short and ASCII; its length, 0 for any other. Only known names matter, and
 * all of them are so.
 */
static size_t unescape(const uint8_t *text, size_t length, uint8_t name[longest_name]) {
  size_t count = 0;
  for (size_t i = 0; i < length; count++) {
    if (count == longest_name) return 0;
    if (text[i] != '\\') {
      name[count] = text[i++];
    } else if (text[i + 1] == 'u') {
      unsigned code = 0;
      for (size_t n = i + 2; n < i + 6; n++) code = 16 * code + value_of_hex(text[n]);
      if (code >= 0x80) return 0;
      name[count] = (uint8_t)code;
      i += 6;
    } else {
      name[count] = 0;
      i += 2;
    }
  }
  return count;
}

/* The name of a member, in quotes, from `start` to where the walk is. */
static uint32_t rule_named(walk *walk, const rules *rules, const uint8_t *start, bool escaped, uint32_t likely) {
  uint8_t plain[longest_name];
  bool near;
  const uint8_t *name = start + 1;
  size_t length = (size_t)(walk->at - start) - 2;
  if (escaped) {
    length = unescape(name, length, plain);
    name = plain;
  }
  return find_rule(rules, name, length, likely, &near);
}

static void note_name(walk *walk, const uint8_t *start, bool escaped) {
  if (walk->depth == level_of_batch) {
    walk->member = rule_named(walk, &walk->schema->envelope, start, escaped, 0);
  } else if (in_metric(walk)) {
    walk->metric.names++;
    if (walk->depth != level_of_metric) return;
    walk->name_at = (uint32_t)(start - walk->body);
    uint32_t likely = walk->rule + 1 < walk->schema->metric.count ? walk->rule + 1 : 0;
    walk->rule = rule_named(walk, &walk->schema->metric, start, escaped, likely);
  }
}

static bool take_name(walk *walk) {
  bool escaped;
  skip_space(walk);
  const uint8_t *start = walk->at;
  if (peek(walk) != '"') return fail(walk, NAME_EXPECTED, walk->at);
  if (!take_string(walk, &escaped)) return false;
  note_name(walk, start, escaped);
  skip_space(walk);
  if (peek(walk) != ':') return fail(walk, COLON_EXPECTED, walk->at);
  walk->at++;
  return true;
}

static bool is_member(const walk *walk) {
  return walk->depth == level_of_batch && walk->report->object && walk->member < walk->schema->envelope.count;
}

/* Where a value starts that is a member of the envelope, or a metric. */
static void note_start(walk *walk) {
  uint32_t at = (uint32_t)(walk->at - walk->body);
  walk->report->values++;
  if (is_member(walk)) {
    uint32_t *place = &walk->report->members[2 * walk->member];
    if (place[1] != 0 && walk->report->twice == walk->schema->envelope.count) walk->report->twice = walk->member;
    place[0] = at;
    walk->in_metrics = walk->schema->envelope.rules[walk->member].kind == RULE_METRICS && peek(walk) == '[';
  } else if (walk->in_metrics && walk->depth == level_of_metrics) {
    walk->metric = (surveyed){.start = at};
    walk->metric_values = 0;
    walk->name_at = 0;
    walk->rule = walk->schema->metric.count;
  } else if (in_metric(walk) && ++walk->metric_values > max_metric_values) {
    note(walk, FLAW_VALUES);
  }
}

/* Where it ends. */
static void note_end(walk *walk) {
  uint32_t at = (uint32_t)(walk->at - walk->body);
  if (is_member(walk)) {
    walk->report->members[2 * walk->member + 1] = at;
    walk->in_metrics = false;
  } else if (walk->in_metrics && walk->depth == level_of_metrics) {
    walk->metric.end = at;
    if (walk->report->metrics < walk->capacity) walk->places[walk->report->metrics] = walk->metric;
    walk->report->metrics++;
  }
}

/* Goes into an object or array. */
static bool enter(walk *walk, bool object) {
  walk->depth++;
  if (walk->depth > max_depth) {
    if (!in_metric(walk)) return fail(walk, TOO_DEEP, walk->at);
    note(walk, FLAW_DEPTH);
  }
  uint8_t bit = (uint8_t)(1u << walk->depth % 8);
  uint8_t *byte = &walk->objects[walk->depth / 8];
  *byte = object ? *byte | bit : *byte & (uint8_t)~bit;
  walk->at++;
  return true;
}

/* Leaves the objects and arrays that end here, up to the next value. */
static bool leave(walk *walk) {
  for (;;) {
    note_end(walk);
    skip_space(walk);
    if (walk->depth == 0) return walk->at == walk->end || fail(walk, END_EXPECTED, walk->at);
    bool object = is_object(walk);
    uint8_t byte = peek(walk);
    if (byte == ',') {
      walk->at++;
      return !object || take_name(walk);
    }
    if (byte != (object ? '}' : ']')) return fail(walk, COMMA_EXPECTED, walk->at);
    walk->at++;
    walk->depth--;
  }
}

/* Takes one value, or the beginning of one that is nested, and goes to the next. */
static bool step(walk *walk) {
  skip_space(walk);
  note_start(walk);
  uint8_t open = peek(walk);
  if (open != '{' && open != '[') return take_scalar(walk) && leave(walk);
  if (walk->depth == 0) walk->report->object = open == '{';
  if (!enter(walk, open == '{')) return false;
  skip_space(walk);
  if (peek(walk) != open + 2) return open == '[' || take_name(walk);
  walk->at++;
  walk->depth--;
  return leave(walk);
}

void survey(const schema *schema, const uint8_t *body, size_t length, surveyed *places, size_t capacity,
            survey_report *report) {
  walk walk = {.schema = schema,
               .body = body,
               .at = body,
               .end = body + length,
               .places = places,
               .capacity = capacity,
               .report = report};
  *report = (survey_report){.twice = schema->envelope.count};
  walk.member = schema->envelope.count;
  /* Pages that are not touched cost nothing: this is only as large as the body is deep. */
  walk.objects = length < UINT32_MAX ? malloc(length / 8 + 2) : NULL;
  if (walk.objects == NULL) {
    report->end = OUT_OF_MEMORY;
    return;
  }
  while (step(&walk))
    if (walk.depth == 0) break;
  free(walk.objects);
}

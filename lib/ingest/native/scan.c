#include "scan.h"

#include <string.h>

/* Beyond 15 digits not every integer is a JavaScript number. */
enum { max_integer_digits = 15 };
/* So many digits with so large an exponent are far below the largest number, 1.8e308. */
enum { max_digits = 100, max_exponent_digits = 2 };
/* So many digits without a fraction are an integer of 64 bits. */
enum { max_whole_digits = 18 };
/* More names of one object are not held against each other. */
enum { max_names = 64 };

typedef struct {
  const uint8_t *at;
  const uint8_t *end;
  const uint8_t *body;
  bool line_breaks;
} cursor;

static void skip_space(cursor *cursor) {
  for (; cursor->at < cursor->end && is_space(*cursor->at); cursor->at++)
    if (*cursor->at == '\n' || *cursor->at == '\r') cursor->line_breaks = true;
}

/* Takes the byte, and the space around it, if it is the next. */
static bool take(cursor *cursor, uint8_t byte) {
  skip_space(cursor);
  if (cursor->at == cursor->end || *cursor->at != byte) return false;
  cursor->at++;
  skip_space(cursor);
  return true;
}

static bool take_word(cursor *cursor, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0) return false;
  cursor->at += length;
  return true;
}

/* The bytes between the quotes. Not sure of escapes, which may stand for anything. */
static bool take_text(cursor *cursor, const uint8_t **text, size_t *length) {
  if (cursor->at == cursor->end || *cursor->at != '"') return false;
  const uint8_t *at = ++cursor->at;
  while (at < cursor->end && *at != '"') {
    if (*at == '\\' || *at < ' ') return false;
    at++;
  }
  if (at == cursor->end) return false;
  *text = cursor->at;
  *length = (size_t)(at - cursor->at);
  cursor->at = at + 1;
  return true;
}

/* In UTF-8, every byte begins a character but those of the form 10xxxxxx. */
static size_t characters(const uint8_t *text, size_t length) {
  size_t count = 0;
  for (size_t i = 0; i < length; i++) count += (text[i] & 0xc0) != 0x80;
  return count;
}

static bool take_bounded_text(cursor *cursor, const rule *rule) {
  const uint8_t *text;
  size_t length;
  if (!take_text(cursor, &text, &length)) return false;
  if (length > rule->maximum || rule->minimum > 1) length = characters(text, length);
  return length >= rule->minimum && length <= rule->maximum;
}

static bool take_choice(cursor *cursor, const rule *rule) {
  const uint8_t *text;
  size_t length;
  if (!take_text(cursor, &text, &length)) return false;
  const char *end = rule->choices + rule->choices_length;
  for (const char *choice = rule->choices; choice < end; choice += 1 + (uint8_t)*choice)
    if ((uint8_t)*choice == length && memcmp(choice + 1, text, length) == 0) return true;
  return false;
}

/* Digits, of which only a single one may begin with 0; how many. */
static size_t take_digits(cursor *cursor, bool leading_zero) {
  const uint8_t *start = cursor->at;
  while (cursor->at < cursor->end && is_digit(*cursor->at)) cursor->at++;
  size_t digits = (size_t)(cursor->at - start);
  return !leading_zero && digits > 1 && *start == '0' ? 0 : digits;
}

static bool take_integer(cursor *cursor, const rule *rule, uint64_t *integer) {
  const uint8_t *start = cursor->at;
  size_t digits = take_digits(cursor, false);
  if (digits == 0 || digits > max_integer_digits) return false;
  uint64_t value = 0;
  for (const uint8_t *at = start; at < cursor->at; at++) value = 10 * value + (uint64_t)(*at - '0');
  *integer = value;
  /* A fraction or an exponent that follows is no end of a value, where the caller looks for one. */
  return value >= rule->minimum && value <= rule->maximum;
}

static bool take_number(cursor *cursor, bool negative_too) {
  if (cursor->at < cursor->end && *cursor->at == '-') {
    if (!negative_too) return false;
    cursor->at++;
  }
  size_t digits = take_digits(cursor, false);
  if (digits == 0) return false;
  bool whole = cursor->at == cursor->end || (*cursor->at != '.' && *cursor->at != 'e' && *cursor->at != 'E');
  if (whole) return digits <= max_whole_digits;
  if (*cursor->at == '.') {
    cursor->at++;
    size_t decimals = take_digits(cursor, true);
    if (decimals == 0) return false;
    digits += decimals;
  }
  if (digits > max_digits) return false;
  if (cursor->at < cursor->end && (*cursor->at == 'e' || *cursor->at == 'E')) {
    cursor->at++;
    if (cursor->at < cursor->end && (*cursor->at == '+' || *cursor->at == '-')) cursor->at++;
    size_t exponent = take_digits(cursor, true);
    if (exponent == 0 || exponent > max_exponent_digits) return false;
  }
  return true;
}

static bool take_any(cursor *cursor) {
  const uint8_t *text;
  size_t length;
  if (cursor->at == cursor->end) return false;
  switch (*cursor->at) {
    case '"':
      return take_text(cursor, &text, &length);
    case 't':
      return take_word(cursor, "true");
    case 'f':
      return take_word(cursor, "false");
    case 'n':
      return take_word(cursor, "null");
    default:
      return take_number(cursor, true);
  }
}

/* The names of an object so far. */
typedef struct {
  struct {
    const uint8_t *text;
    size_t length;
  } names[max_names];
  uint32_t count;
} names;

/* false if the name is there already, or there are too many to tell. */
static bool add_name(names *names, const uint8_t *text, size_t length) {
  if (names->count == max_names) return false;
  for (uint32_t i = 0; i < names->count; i++)
    if (names->names[i].length == length && memcmp(names->names[i].text, text, length) == 0) return false;
  names->names[names->count].text = text;
  names->names[names->count++].length = length;
  return true;
}

static bool take_texts(cursor *cursor, names *names) {
  const uint8_t *text;
  size_t length;
  names->count = 0;
  if (!take(cursor, '{')) return false;
  if (take(cursor, '}')) return true;
  do {
    if (!take_text(cursor, &text, &length) || !add_name(names, text, length)) return false;
    if (!take(cursor, ':') || !take_text(cursor, &text, &length)) return false;
  } while (take(cursor, ','));
  return take(cursor, '}');
}

static bool alike(const rule *rule, const uint8_t *name) {
  for (size_t i = 0; i < rule->name_length; i++)
    if ((rule->name[i] | 0x20) != (name[i] | 0x20)) return false;
  return true;
}

/*
 * Whether some reader might take an unknown member for a known one, as those do to whom Value and value are the same. Inlined, it
 * would cost the whole scan a tenth.
 */
__attribute__((noinline)) static bool is_alike(const rules *rules, const uint8_t *name, size_t length, bool near) {
  /* Some letters beyond ASCII are such forms of an s or a k. */
  for (size_t i = 0; i < length; i++)
    if (name[i] >= 0x80) return true;
  if (!near) return false;
  for (uint32_t n = 0; n < rules->count; n++)
    if (rules->rules[n].name_length == length && alike(&rules->rules[n], name)) return true;
  return false;
}

typedef struct {
  const schema *schema;
  const room *room;
  findings *found;
  /* Of the tags, and of the unknown members, of the metric. */
  names tags, unknown;
} task;

static bool take_metrics(cursor *cursor, const rule *rule, task *task);

static bool take_value(cursor *cursor, const rule *rule, task *task) {
  uint64_t integer;
  switch (rule->kind) {
    case RULE_ANY:
      return take_any(cursor);
    case RULE_INSTANT:
      if (!take_integer(cursor, rule, &integer)) return false;
      if (integer < task->found->earliest) task->found->earliest = integer;
      if (integer > task->found->latest) task->found->latest = integer;
      return true;
    case RULE_INTEGER:
      return take_integer(cursor, rule, &integer);
    case RULE_NUMBER:
      return take_number(cursor, !rule->bounded_below);
    case RULE_TEXT:
      return take_bounded_text(cursor, rule);
    case RULE_CHOICE:
      return take_choice(cursor, rule);
    case RULE_TEXTS:
      return take_texts(cursor, &task->tags);
    case RULE_METRICS:
      return take_metrics(cursor, rule, task);
    default:
      return false;
  }
}

static bool note_null(task *task, const cursor *cursor, const uint8_t *start) {
  if (task->found->nulls == task->room->null_count) return false;
  uint32_t *null = &task->room->nulls[null_size * task->found->nulls++];
  null[0] = (uint32_t)(start - cursor->body);
  null[1] = (uint32_t)(cursor->at - cursor->body);
  return true;
}

/*
 * Takes an object whose members keep the rules and none of them twice. `met` gets a bit for each that is there and not null.
 * `values`, which is NULL for a metric, gets where each value starts and ends in the body.
 */
static bool take_object(cursor *cursor, const rules *rules, uint32_t *met, uint32_t *values, task *task) {
  uint32_t likely = 0, seen = 0, count = 0;
  bool near;
  *met = 0;
  if (!take(cursor, '{')) return false;
  do {
    const uint8_t *name;
    size_t length;
    if (!take_text(cursor, &name, &length) || !take(cursor, ':')) return false;
    count++;
    uint32_t i = find_rule(rules, name, length, likely, &near);
    if (i == rules->count) {
      /* Those of the envelope go nowhere, so it does not matter what they are called. */
      if (values == NULL && (is_alike(rules, name, length, near) || !add_name(&task->unknown, name, length)))
        return false;
      if (!take_any(cursor)) return false;
      continue;
    }
    const rule *rule = &rules->rules[i];
    if (seen >> i & 1) return false;
    seen |= 1u << i;
    likely = i + 1 < rules->count ? i + 1 : 0;
    if (rule->nullable && take_word(cursor, "null")) {
      if (values == NULL && !note_null(task, cursor, name - 1)) return false;
      continue;
    }
    *met |= 1u << i;
    uint32_t start = (uint32_t)(cursor->at - cursor->body);
    if (!take_value(cursor, rule, task)) return false;
    if (values == NULL) continue;
    values[2 * i] = start;
    values[2 * i + 1] = (uint32_t)(cursor->at - cursor->body);
  } while (take(cursor, ','));
  task->found->value_count += count;
  return take(cursor, '}') && (rules->required & ~*met) == 0;
}

static bool take_metrics(cursor *cursor, const rule *rule, task *task) {
  uint32_t count = 0;
  if (!take(cursor, '[')) return false;
  do {
    if (count == rule->maximum || count == task->room->metrics) return false;
    uint32_t *place = &task->room->places[place_size * count];
    task->tags.count = task->unknown.count = 0;
    uint64_t values = task->found->value_count;
    place[0] = (uint32_t)(cursor->at - cursor->body);
    if (!take_object(cursor, &task->schema->metric, &place[2], NULL, task)) return false;
    task->found->value_count += task->tags.count;
    if (task->found->value_count - values > max_metric_values) return false;
    const uint8_t *end = cursor->at;
    while (end[-1] != '}') end--;
    place[1] = (uint32_t)(end - cursor->body);
    count++;
  } while (take(cursor, ','));
  task->found->metrics = count;
  return count >= rule->minimum && take(cursor, ']');
}

bool scan(const schema *schema, const uint8_t *body, size_t length, const room *room, findings *found) {
  if (length > UINT32_MAX) return false;
  cursor cursor = {body, body + length, body, false};
  task task;
  task.schema = schema;
  task.room = room;
  task.found = found;
  uint32_t met;
  *found = (findings){.earliest = UINT64_MAX};
  if (!take_object(&cursor, &schema->envelope, &met, found->values, &task) || cursor.at != cursor.end) return false;
  found->line_breaks = cursor.line_breaks;
  return true;
}

void blank_nulls(uint8_t *body, const uint32_t *nulls, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t start = nulls[null_size * i], end = nulls[null_size * i + 1];
    while (is_space(body[end])) end++;
    /* The last member leaves the comma before it, which is there: required members are never null. */
    if (body[end] == ',')
      end++;
    else
      while (body[start] != ',') start--;
    memset(body + start, ' ', end - start);
  }
}

void blank_line_breaks(uint8_t *body, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (body[i] == '\n' || body[i] == '\r') body[i] = ' ';
}

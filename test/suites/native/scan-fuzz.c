/*
 * A target of libFuzzer: is each body that the scan of lib/ingest/native is sure of a batch of good metrics, each where it says?
 * Another program, in another language and with another parser, judges that (judge.py); nobody judges what it is not sure of.
 */
#include "../../../lib/ingest/native/survey.h"

#include "judge-process.h"

/* What compileRules makes of the schema of a batch of at most 5 metrics, by fuzz.ts. */
#include "rules.h"

enum { most_metrics = 5, most_nulls = 16, most_changes = 4, longest_body = 65536 };

static void tell_judged(void) {
  printf("%llu bodies that the scan was sure of, each judged\n", (unsigned long long)judged);
}

/* Starts the judge: JUDGE is its command. */
int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count;
  (void)arguments;
  start_judge(tell_judged);
  return 0;
}

/* The message is explained in judge.py. */
static void have_judged(const uint8_t *body, const uint8_t *blanked, size_t length, const uint32_t *places,
                        const findings *found) {
  const uint32_t head[] = {(uint32_t)length, found->metrics, batch_schema.envelope.count, found->line_breaks};
  const uint64_t instants[] = {found->earliest, found->latest};
  put(head, sizeof head);
  put(instants, sizeof instants);
  put(places, place_size * found->metrics * sizeof *places);
  put(found->values, 2 * batch_schema.envelope.count * sizeof *found->values);
  put(body, length);
  put(blanked, length);
  fflush(to_judge);
  expect_right();
  judged++;
}

/* Of the size that it is said to have, so that the sanitizer sees what goes beyond. */
static void *allocate(size_t size) {
  void *made = malloc(size);
  if (made == NULL) die("no memory");
  return made;
}

/* Where the value that starts here ends, roughly: a nested one does at its first member. */
static size_t end_of_value(const uint8_t *body, size_t length, size_t at) {
  const bool is_text = at < length && body[at] == '"';
  for (size_t end = at + is_text; end < length; end++) {
    if (is_text && body[end] == '"') return end + 1;
    if (!is_text && strchr(",]}", body[end]) != NULL) return end;
  }
  return length;
}

/* Puts the word in the place of the value of a member, whichever; returns the length then. */
static size_t replace_value(uint8_t *body, size_t length, uint8_t member, const char *word) {
  size_t colons[256], count = 0;
  for (size_t i = 0; i < length && count < 256; i++)
    if (body[i] == ':') colons[count++] = i;
  if (count == 0) return length;
  const size_t from = colons[member % count] + 1, end = end_of_value(body, length, from), word_length = strlen(word);
  memmove(body + from + word_length, body + end, length - end);
  memcpy(body + from, word, word_length);
  return length - (end - from) + word_length;
}

/*
 * Bytes that cannot begin a body stand for one: a good body, by the first byte, and which of its members get which value, by
 * two bytes each. Bodies that are almost good come of it, which random changes of bytes seldom make.
 */
static size_t make_body(const uint8_t *bytes, size_t length, uint8_t *body) {
  const char *first = good[bytes[0] % (sizeof good / sizeof good[0])];
  size_t made = strlen(first);
  memcpy(body, first, made);
  for (size_t i = 1; i + 1 < length && i < 2 * most_changes; i += 2)
    made = replace_value(body, made, bytes[i], words[bytes[i + 1] % (sizeof words / sizeof words[0])]);
  return made;
}

/* What the scan is sure of, the survey finds nothing wrong with, and it finds the same metrics. */
static void compare(const findings *found, const uint32_t *places, const survey_report *report,
                    const surveyed *surveyed) {
  if (report->end != SURVEY_DONE || !report->object || report->twice != batch_schema.envelope.count)
    die("the survey finds fault with the batch");
  if (report->metrics != found->metrics) die("the survey finds another number of metrics");
  for (uint32_t n = 0; n < found->metrics; n++) {
    const uint32_t *place = &places[place_size * n];
    if (surveyed[n].flaw != FLAW_NONE) die("the survey finds fault with a metric");
    if (surveyed[n].start != place[0] || surveyed[n].end != place[1]) die("the survey finds a metric elsewhere");
  }
}

static void try_body(const uint8_t *body, size_t length) {
  const room room = {allocate(most_metrics * place_size * sizeof(uint32_t)), most_metrics,
                     allocate(most_nulls * null_size * sizeof(uint32_t)), most_nulls};
  findings found;
  const bool sure = scan(&batch_schema, body, length, &room, &found);
  if (sure) {
    uint8_t *blanked = allocate(length);
    memcpy(blanked, body, length);
    blank_nulls(blanked, room.nulls, found.nulls);
    have_judged(body, blanked, length, room.places, &found);
    free(blanked);
  }
  surveyed *surveyed = allocate(most_metrics * sizeof *surveyed);
  survey_report report;
  survey(&batch_schema, body, length, surveyed, most_metrics, &report);
  if (sure) compare(&found, room.places, &report, surveyed);
  free(surveyed);
  free(room.places);
  free(room.nulls);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static uint8_t body[longest_body];
  if (length == 0 || strchr("{ \t\r\n", bytes[0]) != NULL) {
    try_body(bytes, length);
    return 0;
  }
  /* Once more in memory of its size, so that the sanitizer sees what goes beyond. */
  const size_t made = make_body(bytes, length, body);
  uint8_t *copy = allocate(made);
  memcpy(copy, body, made);
  try_body(copy, made);
  free(copy);
  return 0;
}

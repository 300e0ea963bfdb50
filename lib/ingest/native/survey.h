/*
 * Walks a body that the scan was not sure of, before anything is parsed: whether it is JSON, where each metric stands, and
 * which metrics are too much for JSON.parse or for consumers. One pass, never recursive: a bit a level is all it keeps.
 */
#ifndef VANTAGE_SURVEY_H
#define VANTAGE_SURVEY_H

#include "scan.h"

/* What an object or array may be nested in, counted from the batch, which is level 1. */
enum { max_depth = 64 };
/* Characters of a number: the longest double that printf writes without an exponent has 317. */
enum { max_number_length = 400 };

/* What is wrong with a body, in the order that survey.ts knows. */
typedef enum {
  SURVEY_DONE,
  VALUE_EXPECTED,
  NAME_EXPECTED,
  COLON_EXPECTED,
  COMMA_EXPECTED,
  END_EXPECTED,
  CONTROL_CHARACTER,
  NO_SUCH_ESCAPE,
  NO_NUMBER,
  /* Outside the metrics; a metric that is nested too deep has a flaw. */
  TOO_DEEP,
  OUT_OF_MEMORY,
} survey_end;

/* Why a metric must not be parsed, in the order that survey.ts knows. */
typedef enum { FLAW_NONE, FLAW_DEPTH, FLAW_VALUES, FLAW_NUMBER } flaw;

/* What is found of a metric. All are uint32_t, so that JavaScript sees an array of them. */
typedef struct {
  /* Where it starts and ends (exclusive) in the body. */
  uint32_t start, end;
  /* How many names its objects have in all: more than JSON.parse finds if there is one twice. */
  uint32_t names;
  /* The first flaw, and where the name of the member stands that has it; 0 for none. */
  uint32_t flaw, flaw_at;
  /* Whether a known member may not be as records have it: null, or a number that is to be written otherwise. */
  uint32_t odd;
} surveyed;

typedef struct {
  survey_end end;
  /* Where the body is wrong, and which metric that is in; the number of metrics so far. */
  uint32_t at;
  bool in_metrics;
  /* How many there are, with those that `places` has no room for. */
  uint32_t metrics;
  /* How many values there are in all, nested ones included. */
  uint32_t values;
  /* Whether the body is an object. */
  bool object;
  /* The first member of the envelope that is there twice, by its rule; the count of rules for none. */
  uint32_t twice;
  /* Where the value of each member of the envelope starts and ends; 0 for one that is absent. */
  uint32_t members[2 * max_rules];
} survey_report;

/* The body must be valid UTF-8. `places` has room for `capacity` metrics. */
void survey(const schema *schema, const uint8_t *body, size_t length, surveyed *places, size_t capacity,
            survey_report *report);

#endif

/* What JavaScript sees of scan.c and survey.c, and of readers; binding.ts describes it. */
#include "../../shared/native/calls.h"

#include <string.h>

#include "reader-calls.h"
#include "survey.h"

static const napi_type_tag schema_tag = {0x5cf0a9d24c1b4b0e, 0x9d5ad3f1c2e84f67};

/* Doubles hold every integer up to here. */
static const double largest = 9007199254740992.0;
enum { longest_choice = 255 };

/* 0 where it is undefined. */
static bool read_number(napi_env env, napi_value object, const char *name, uint64_t *number) {
  napi_value value;
  double given = 0;
  CHECK(napi_get_named_property(env, object, name, &value));
  CHECK(napi_get_value_double(env, value, &given));
  if (!(given >= 0 && given <= largest)) return refuse(env, name);
  *number = (uint64_t)given;
  return true;
}

static bool read_flag(napi_env env, napi_value object, const char *name, bool *flag) {
  napi_value value;
  CHECK(napi_get_named_property(env, object, name, &value));
  CHECK(napi_get_value_bool(env, value, flag));
  return true;
}

/* Each choice with its length before it, in one byte. */
static bool read_choices(napi_env env, napi_value described, rule *rule) {
  napi_value list;
  napi_valuetype type;
  uint32_t count;
  CHECK(napi_get_named_property(env, described, "choices", &list));
  CHECK(napi_typeof(env, list, &type));
  if (type == napi_undefined) return true;
  CHECK(napi_get_array_length(env, list, &count));
  rule->choices = malloc((size_t)count * (1 + longest_choice) + 1);
  if (rule->choices == NULL) return out_of_memory(env);
  for (uint32_t i = 0; i < count; i++) {
    napi_value choice;
    size_t length;
    CHECK(napi_get_element(env, list, i, &choice));
    CHECK(napi_get_value_string_utf8(env, choice, NULL, 0, &length));
    if (length > longest_choice) return refuse(env, "too long a choice");
    /* The NUL behind it gives way to the length of the next. */
    char *at = rule->choices + rule->choices_length;
    CHECK(napi_get_value_string_utf8(env, choice, at + 1, length + 1, &length));
    *at = (char)length;
    rule->choices_length += 1 + length;
  }
  return true;
}

static bool read_rule(napi_env env, napi_value described, rule *rule, bool *required) {
  napi_value name;
  uint64_t kind;
  CHECK(napi_get_named_property(env, described, "name", &name));
  rule->name = text_of(env, name, &rule->name_length);
  if (rule->name == NULL) return false;
  if (!read_number(env, described, "kind", &kind) || !read_number(env, described, "minimum", &rule->minimum) ||
      !read_number(env, described, "maximum", &rule->maximum))
    return false;
  if (kind > RULE_METRICS) return refuse(env, "no such kind of rule");
  rule->kind = (rule_kind)kind;
  return read_flag(env, described, "nullable", &rule->nullable) &&
         read_flag(env, described, "boundedBelow", &rule->bounded_below) &&
         read_flag(env, described, "required", required) && read_choices(env, described, rule);
}

static bool read_rules(napi_env env, napi_value list, rules *rules) {
  uint32_t count;
  CHECK(napi_get_array_length(env, list, &count));
  if (count > max_rules) return refuse(env, "too many rules");
  rules->rules = calloc(max_rules, sizeof *rules->rules);
  if (rules->rules == NULL) return out_of_memory(env);
  for (; rules->count < count; rules->count++) {
    napi_value described;
    bool required;
    CHECK(napi_get_element(env, list, rules->count, &described));
    if (!read_rule(env, described, &rules->rules[rules->count], &required)) return false;
    rules->required |= (uint32_t)required << rules->count;
  }
  return true;
}

static void free_rules(rules *rules) {
  for (uint32_t i = 0; rules->rules != NULL && i < max_rules; i++) {
    free(rules->rules[i].name);
    free(rules->rules[i].choices);
  }
  free(rules->rules);
}

static void free_schema(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  schema *schema = data;
  free_rules(&schema->envelope);
  free_rules(&schema->metric);
  free(schema);
}

/* compile(envelope, metric): schema */
static napi_value compile(napi_env env, napi_callback_info info) {
  napi_value arguments[2], external;
  size_t count = 2;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  schema *made = calloc(1, sizeof *made);
  if (made == NULL) return out_of_memory(env);
  if (!succeeded(env, napi_create_external(env, made, free_schema, NULL, &external))) {
    free(made);
    return NULL;
  }
  CHECK(napi_type_tag_object(env, external, &schema_tag));
  return read_rules(env, arguments[0], &made->envelope) && read_rules(env, arguments[1], &made->metric) ? external
                                                                                                        : NULL;
}

enum { figure_count = 4 };

/*
 * scan(schema, body, places, nulls, values, figures): number of metrics, 0 for not sure. Members of metrics that are null are
 * spaces then.
 */
static napi_value scan_body(napi_env env, napi_callback_info info) {
  napi_value arguments[6], metrics;
  size_t count = 6, length, capacity, null_capacity, value_count, figures_given;
  findings found;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  const schema *schema = held_by(env, arguments[0], &schema_tag);
  if (schema == NULL) return NULL;
  uint8_t *body = bytes_of(env, arguments[1], &length);
  if (body == NULL) return NULL;
  uint32_t *places = items_of(env, arguments[2], napi_uint32_array, &capacity);
  if (places == NULL) return NULL;
  uint32_t *nulls = items_of(env, arguments[3], napi_uint32_array, &null_capacity);
  if (nulls == NULL) return NULL;
  uint32_t *values = items_of(env, arguments[4], napi_uint32_array, &value_count);
  if (values == NULL) return NULL;
  double *figures = items_of(env, arguments[5], napi_float64_array, &figures_given);
  if (figures == NULL) return NULL;
  if (value_count < 2 * (size_t)schema->envelope.count || figures_given < figure_count)
    return refuse(env, "no room for what is found");
  const room room = {places, capacity / place_size, nulls, null_capacity / null_size};
  bool sure = scan(schema, body, length, &room, &found);
  if (sure) {
    blank_nulls(body, nulls, found.nulls);
    memcpy(values, found.values, 2 * schema->envelope.count * sizeof *values);
    figures[0] = (double)found.earliest;
    figures[1] = (double)found.latest;
    figures[2] = (double)found.value_count;
    figures[3] = found.line_breaks;
  }
  CHECK(napi_create_uint32(env, sure ? found.metrics : 0, &metrics));
  return metrics;
}

enum { surveyed_size = sizeof(surveyed) / sizeof(uint32_t), report_size = 7 };

/* survey(schema, body, places, report): nothing */
static napi_value survey_body(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4, length, capacity, room;
  survey_report found;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  const schema *schema = held_by(env, arguments[0], &schema_tag);
  if (schema == NULL) return NULL;
  const uint8_t *body = bytes_of(env, arguments[1], &length);
  if (body == NULL) return NULL;
  uint32_t *places = items_of(env, arguments[2], napi_uint32_array, &capacity);
  if (places == NULL) return NULL;
  uint32_t *report = items_of(env, arguments[3], napi_uint32_array, &room);
  if (report == NULL) return NULL;
  if (room < report_size + 2 * (size_t)schema->envelope.count) return refuse(env, "no room for the report");
  survey(schema, body, length, (surveyed *)places, capacity / surveyed_size, &found);
  if (found.end == OUT_OF_MEMORY) return out_of_memory(env);
  const uint32_t told[report_size] = {found.end,    found.at,     found.in_metrics, found.metrics,
                                      found.values, found.object, found.twice};
  memcpy(report, told, sizeof told);
  memcpy(report + report_size, found.members, 2 * schema->envelope.count * sizeof *report);
  return NULL;
}

/* toOneLine(body): nothing */
static napi_value to_one_line(napi_env env, napi_callback_info info) {
  napi_value body;
  size_t count = 1, length;
  CHECK(napi_get_cb_info(env, info, &count, &body, NULL, NULL));
  uint8_t *bytes = bytes_of(env, body, &length);
  if (bytes != NULL) blank_line_breaks(bytes, length);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"compile", NULL, compile, NULL, NULL, NULL, napi_enumerable, NULL},
      {"scan", NULL, scan_body, NULL, NULL, NULL, napi_enumerable, NULL},
      {"survey", NULL, survey_body, NULL, NULL, NULL, napi_enumerable, NULL},
      {"toOneLine", NULL, to_one_line, NULL, NULL, NULL, napi_enumerable, NULL},
      {"createReader", NULL, create_reader, NULL, NULL, NULL, napi_enumerable, NULL},
      {"readOtlp", NULL, read_otlp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"readRemoteWrite", NULL, read_remote_write, NULL, NULL, NULL, napi_enumerable, NULL},
      {"readInflux", NULL, read_influx, NULL, NULL, NULL, napi_enumerable, NULL},
      {"takeRecords", NULL, take_records, NULL, NULL, NULL, napi_enumerable, NULL},
      {"services", NULL, services_read, NULL, NULL, NULL, napi_enumerable, NULL},
      {"rejections", NULL, rejections_read, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  EXPORT(functions);
  return exports;
}

/* What JavaScript sees of scan.c; binding.ts describes it. */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

static napi_value member(napi_env env, napi_value object, const char *name) {
  napi_value value;
  napi_get_named_property(env, object, name, &value);
  return value;
}

/* 0 for undefined. */
static double number_of(napi_env env, napi_value object, const char *name) {
  double number = 0;
  napi_get_value_double(env, member(env, object, name), &number);
  return number;
}

static bool flag_of(napi_env env, napi_value object, const char *name) {
  bool flag = false;
  napi_get_value_bool(env, member(env, object, name), &flag);
  return flag;
}

static char *text_of(napi_env env, napi_value value, size_t *length) {
  napi_get_value_string_utf8(env, value, NULL, 0, length);
  char *text = malloc(*length + 1);
  if (text != NULL) napi_get_value_string_utf8(env, value, text, *length + 1, length);
  return text;
}

/* Each choice with its length before it, in one byte. NULL for undefined. */
static char *choices_of(napi_env env, napi_value list, size_t *total) {
  uint32_t count = 0;
  *total = 0;
  if (napi_get_array_length(env, list, &count) != napi_ok) return NULL;
  char *choices = malloc(256 * (size_t)count);
  for (uint32_t i = 0; choices != NULL && i < count; i++) {
    napi_value choice;
    size_t length;
    napi_get_element(env, list, i, &choice);
    napi_get_value_string_utf8(env, choice, choices + *total + 1, 255, &length);
    choices[*total] = (char)length;
    *total += 1 + length;
  }
  return choices;
}

static rule rule_of(napi_env env, napi_value described) {
  rule made = {
      .kind = (rule_kind)number_of(env, described, "kind"),
      .nullable = flag_of(env, described, "nullable"),
      .bounded_below = flag_of(env, described, "boundedBelow"),
      .minimum = (uint64_t)number_of(env, described, "minimum"),
      .maximum = (uint64_t)number_of(env, described, "maximum"),
  };
  made.name = text_of(env, member(env, described, "name"), &made.name_length);
  made.choices = choices_of(env, member(env, described, "choices"), &made.choices_length);
  return made;
}

static rules rules_of(napi_env env, napi_value list) {
  rules made = {.count = 0};
  napi_get_array_length(env, list, &made.count);
  made.rules = calloc(made.count, sizeof *made.rules);
  for (uint32_t i = 0; i < made.count; i++) {
    napi_value described;
    napi_get_element(env, list, i, &described);
    made.rules[i] = rule_of(env, described);
    if (i < max_rules) made.required |= (uint32_t)flag_of(env, described, "required") << i;
  }
  return made;
}

/* compile(envelope, metric): schema. It is kept for as long as the process lives. */
static napi_value compile(napi_env env, napi_callback_info info) {
  napi_value arguments[2], external;
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  schema *made = malloc(sizeof *made);
  *made = (schema){rules_of(env, arguments[0]), rules_of(env, arguments[1])};
  if (made->envelope.count > max_rules || made->metric.count > max_rules) {
    napi_throw_range_error(env, NULL, "too many rules");
    return NULL;
  }
  napi_create_external(env, made, NULL, NULL, &external);
  return external;
}

/* scan(schema, body, places, values, instants): number of metrics, 0 for not sure */
static napi_value scan_body(napi_env env, napi_callback_info info) {
  napi_value arguments[5], metrics;
  size_t count = 5;
  schema *schema;
  const uint8_t *body;
  uint32_t *places, *values;
  double *instants;
  size_t length, capacity;
  findings found;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_get_value_external(env, arguments[0], (void **)&schema);
  napi_get_buffer_info(env, arguments[1], (void **)&body, &length);
  napi_get_typedarray_info(env, arguments[2], NULL, &capacity, (void **)&places, NULL, NULL);
  napi_get_typedarray_info(env, arguments[3], NULL, NULL, (void **)&values, NULL, NULL);
  napi_get_typedarray_info(env, arguments[4], NULL, NULL, (void **)&instants, NULL, NULL);
  bool sure = scan(schema, body, length, places, capacity / place_size, &found);
  if (sure) {
    memcpy(values, found.values, 2 * schema->envelope.count * sizeof *values);
    instants[0] = (double)found.earliest;
    instants[1] = (double)found.latest;
  }
  napi_create_uint32(env, sure ? found.metrics : 0, &metrics);
  return metrics;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"compile", NULL, compile, NULL, NULL, NULL, napi_enumerable, NULL},
      {"scan", NULL, scan_body, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}

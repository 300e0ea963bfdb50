#include "telling.h"

/* The text of librdkafka's, undefined for NULL. */
static bool make_text(napi_env env, const char *text, napi_value *value) {
  if (text == NULL)
    CHECK(napi_get_undefined(env, value));
  else
    CHECK(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, value));
  return true;
}

/*
 * Threads that poll or ask may be waiting for librdkafka when the process ends, for as long as its clock was set back:
 * they are not waited for, and threads that still report find no listener.
 */
static pthread_mutex_t listening = PTHREAD_MUTEX_INITIALIZER;
static bool process_ends = false;

static void on_process_end(void *argument) {
  (void)argument;
  pthread_mutex_lock(&listening);
  process_ends = true;
  pthread_mutex_unlock(&listening);
}

/* Has call_js called, from any thread. Of a process that ends, the handle may be gone. */
static bool call_later(handle *handle, event *told) {
  pthread_mutex_lock(&listening);
  bool called = !process_ends && napi_call_threadsafe_function(handle->to_js, told, napi_tsfn_nonblocking) == napi_ok;
  pthread_mutex_unlock(&listening);
  return called;
}

static void on_settled(void *context) { call_later(context, NULL); }

static void on_event(void *context, event *told) {
  if (call_later(context, told)) return;
  free(told->text);
  free(told);
}

listener telling_listener(handle *handle) { return (listener){on_settled, on_event, handle}; }

void telling_end(napi_env env, handle *handle) {
  napi_remove_env_cleanup_hook(env, on_process_end, handle);
  napi_release_threadsafe_function(handle->to_js, napi_tsfn_release);
}

static bool set(napi_env env, napi_value object, const char *name, napi_value value) {
  CHECK(napi_set_named_property(env, object, name, value));
  return true;
}

static bool set_number(napi_env env, napi_value object, const char *name, int64_t number) {
  napi_value value;
  CHECK(napi_create_int64(env, number, &value));
  return set(env, object, name, value);
}

/* Leaves the member out for NULL. */
static bool set_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  return text == NULL || (make_text(env, text, &value) && set(env, object, name, value));
}

static const char *name_of(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : rd_kafka_err2name(error);
}

/* [{ record, code, reason }, ...]; undefined when all are acknowledged. */
static bool make_failures(napi_env env, const batch *batch, napi_value *failures) {
  CHECK(napi_get_undefined(env, failures));
  if (batch->failures == 0) return true;
  CHECK(napi_create_array(env, failures));
  uint32_t length = 0;
  for (uint32_t i = 0; i < batch->count; i++) {
    const record *record = &batch->records[i];
    if (record->error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    napi_value failure;
    CHECK(napi_create_object(env, &failure));
    if (!set_number(env, failure, "record", record->number) ||
        !set_text(env, failure, "code", name_of(record->error)) ||
        !set_text(env, failure, "reason", rd_kafka_err2str(record->error)))
      return false;
    CHECK(napi_set_element(env, *failures, length++, failure));
  }
  return true;
}

/* Adds the id of the batch, and what failed of it. */
static bool add_settled(napi_env env, napi_value list, uint32_t length, const batch *settled) {
  napi_handle_scope scope;
  napi_value id, failures;
  CHECK(napi_open_handle_scope(env, &scope));
  bool made = make_failures(env, settled, &failures) && succeeded(env, napi_create_uint32(env, settled->id, &id)) &&
              succeeded(env, napi_set_element(env, list, length, id)) &&
              succeeded(env, napi_set_element(env, list, length + 1, failures));
  CHECK(napi_close_handle_scope(env, scope));
  return made;
}

/* [id, failures, id, failures, ...]. All batches are freed, made or not. */
static bool make_settled(napi_env env, batch *settled, napi_value *list) {
  bool made = succeeded(env, napi_create_array(env, list));
  uint32_t length = 0;
  for (batch *next; settled != NULL; settled = next, length += 2) {
    next = settled->next;
    made = made && add_settled(env, *list, length, settled);
    free(settled);
  }
  return made;
}

static bool call(napi_env env, napi_value callback, napi_value name, napi_value told) {
  napi_value undefined, arguments[] = {name, told};
  CHECK(napi_get_undefined(env, &undefined));
  CHECK(napi_call_function(env, undefined, callback, 2, arguments, NULL));
  return true;
}

/* callback('settled', [id, failures, id, failures, ...]) */
static bool tell_settled(napi_env env, napi_value callback, handle *handle) {
  napi_value name, list;
  return make_settled(env, producer_take_settled(handle->producer), &list) && make_text(env, "settled", &name) &&
         call(env, callback, name, list);
}

static void discard(napi_env env, handle *handle) {
  producer_free(handle->producer);
  handle->producer = NULL;
  telling_end(env, handle);
}

/* { question, failure?, partitions, leaderless?, error? } */
static bool make_answer(napi_env env, const event *told, napi_value *answer) {
  const topic_state *topic = &told->topic;
  CHECK(napi_create_object(env, answer));
  return set_number(env, *answer, "question", told->question) &&
         set_text(env, *answer, "failure", name_of(topic->failure)) &&
         set_number(env, *answer, "partitions", topic->partitions) &&
         set_text(env, *answer, "leaderless", told->text) && set_text(env, *answer, "error", name_of(topic->error));
}

/* callback('failure' | 'fatal' | 'statistics', text), callback('answer', answer), callback('identified' | 'closed') */
static bool tell_event(napi_env env, napi_value callback, const event *told) {
  static const char *const names[] = {"failure", "fatal", "statistics", "identified", "answer", "closed"};
  napi_value name, what;
  bool made = told->kind == EVENT_ANSWER ? make_answer(env, told, &what) : make_text(env, told->text, &what);
  return made && make_text(env, names[told->kind], &name) && call(env, callback, name, what);
}

/* An exception that is pending in the end, JavaScript's or ours, is one that nobody has caught. */
static void call_js(napi_env env, napi_value callback, void *context, void *data) {
  event *told = data;
  if (env != NULL && told == NULL) tell_settled(env, callback, context);
  if (told == NULL) return;
  if (env != NULL && told->kind == EVENT_CLOSED) discard(env, context);
  if (env != NULL) tell_event(env, callback, told);
  free(told->text);
  free(told);
}

bool telling_start(napi_env env, napi_value callback, handle *handle) {
  napi_value name;
  CHECK(napi_create_string_utf8(env, "vantage producer", NAPI_AUTO_LENGTH, &name));
  CHECK(napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, NULL, NULL, handle, call_js, &handle->to_js));
  /* Called before the function's own hook, since it was added later: no thread must call one that is gone. */
  if (succeeded(env, napi_add_env_cleanup_hook(env, on_process_end, handle))) return true;
  napi_release_threadsafe_function(handle->to_js, napi_tsfn_release);
  return false;
}

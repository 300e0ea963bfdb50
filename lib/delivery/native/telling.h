/* How a producer's threads tell JavaScript what there is to tell. */
#ifndef VANTAGE_TELLING_H
#define VANTAGE_TELLING_H

#include "../../shared/native/calls.h"
#include "producer.h"

/* A producer and its way back into JavaScript; NULL once it is closed. It lives for as long as JavaScript knows it. */
typedef struct {
  producer *producer;
  bool closing;
  napi_threadsafe_function to_js;
} handle;

/* Starts to pass each event of the handle's `telling_listener` to the callback. On failure it throws, and returns false. */
bool telling_start(napi_env env, napi_value callback, handle *handle);

/* No event comes any more. */
void telling_end(napi_env env, handle *handle);

listener telling_listener(handle *handle);

#endif

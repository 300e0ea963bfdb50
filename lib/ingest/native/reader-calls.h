/* What JavaScript sees of readers: functions of this addon, in reader-calls.c; binding.ts describes them. */
#ifndef VANTAGE_READER_CALLS_H
#define VANTAGE_READER_CALLS_H

#include "../../shared/native/calls.h"

napi_value create_reader(napi_env env, napi_callback_info info);
napi_value read_otlp(napi_env env, napi_callback_info info);
napi_value read_remote_write(napi_env env, napi_callback_info info);
napi_value read_influx(napi_env env, napi_callback_info info);
napi_value take_records(napi_env env, napi_callback_info info);
napi_value services_read(napi_env env, napi_callback_info info);
napi_value rejections_read(napi_env env, napi_callback_info info);

#endif

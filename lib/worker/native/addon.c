/* Ends idle TCP connections, found by what the kernel knows of them; binding.ts describes it. */
#define NAPI_VERSION 8
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <node_api.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Whether nothing has come or gone on it for that long. */
static bool is_idle(int descriptor, uint32_t idle_ms) {
  struct tcp_info info;
  socklen_t length = sizeof info;
  return getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_ESTABLISHED &&
         info.tcpi_last_data_recv >= idle_ms && info.tcpi_last_data_sent >= idle_ms;
}

/* 0 if it is not of the internet. */
static uint16_t local_port(int descriptor) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
  return 0;
}

/* shutDownIdle(port, idleMs, first, count): how many were */
static napi_value shut_down_idle(napi_env env, napi_callback_info info) {
  napi_value arguments[4], result;
  uint32_t numbers[4], shut_down = 0;
  size_t count = 4;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  for (size_t i = 0; i < 4; i++) napi_get_value_uint32(env, arguments[i], &numbers[i]);
  const uint32_t port = numbers[0], idle_ms = numbers[1], first = numbers[2], end = first + numbers[3];
  for (uint32_t descriptor = first; descriptor < end; descriptor++) {
    if (!is_idle((int)descriptor, idle_ms) || local_port((int)descriptor) != port) continue;
    if (shutdown((int)descriptor, SHUT_RDWR) == 0) shut_down++;
  }
  napi_create_uint32(env, shut_down, &result);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"shutDownIdle", NULL, shut_down_idle, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}

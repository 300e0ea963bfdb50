/* Ends TCP connections that are idle or hardly move, found by what the kernel knows of them; binding.ts describes it. */
#include "../../shared/native/calls.h"

#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

enum { ESTABLISHED = 1 }; /* tcpi_state, as in the kernel's net/tcp_states.h */

/* A kernel before Linux 4.1 tells less, and of bytes nothing. */
static const socklen_t known_bytes = offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(uint64_t);

/* The kernel counts the handshake as one. */
static const uint64_t acked_by_handshake = 1;

/* What was seen of a connection when it last moved. Bytes are of its whole life. */
struct sighting {
  uint64_t connection; /* a descriptor is given again */
  uint64_t acked;      /* of its answers */
  uint64_t received;
  uint64_t answered; /* how much had been received when an answer was last acknowledged */
  uint64_t since_ms;
};

/* By descriptor. */
static struct sighting *sightings;
static size_t sightings_size;

static bool make_room(size_t size) {
  if (size <= sightings_size) return true;
  struct sighting *more = realloc(sightings, size * sizeof *more);
  if (more == NULL) return false;
  for (size_t i = sightings_size; i < size; i++) more[i] = (struct sighting){0};
  sightings = more;
  sightings_size = size;
  return true;
}

static uint64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Whether it has not moved for that long. A connection moves when an answer, or a part of it, is acknowledged, when the
 * first bytes of a request come, and when so many more have come.
 */
static bool stands_still(int descriptor, uint64_t now_ms, uint32_t idle_ms, uint32_t least_bytes) {
  struct tcp_info info = {0};
  uint64_t connection = 0;
  socklen_t info_length = sizeof info, connection_length = sizeof connection;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &info_length) != 0) return false;
  if (info_length < known_bytes || info.tcpi_state != ESTABLISHED) return false;
  if (getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &connection, &connection_length) != 0) return false;

  struct sighting *last = &sightings[descriptor];
  if (last->connection != connection || last->acked != info.tcpi_bytes_acked) {
    const uint32_t received_ms = info.tcpi_last_data_recv, sent_ms = info.tcpi_last_data_sent;
    last->connection = connection;
    last->acked = info.tcpi_bytes_acked;
    last->answered = last->received = last->acked > acked_by_handshake ? info.tcpi_bytes_received : 0;
    last->since_ms = now_ms - (received_ms < sent_ms ? received_ms : sent_ms);
  }
  const uint64_t more = info.tcpi_bytes_received - last->received;
  const bool first_of_request = last->received == last->answered;
  if (more >= (first_of_request ? 1 : least_bytes)) {
    last->received = info.tcpi_bytes_received;
    last->since_ms = now_ms - info.tcpi_last_data_recv;
  }
  return now_ms - last->since_ms >= idle_ms;
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

/* shutDownIdle(port, idleMs, leastBytes, first, count): how many were */
static napi_value shut_down_idle(napi_env env, napi_callback_info info) {
  napi_value arguments[5], result;
  uint32_t numbers[5], shut_down = 0;
  size_t count = 5;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  for (size_t i = 0; i < 5; i++) CHECK(napi_get_value_uint32(env, arguments[i], &numbers[i]));
  const uint32_t port = numbers[0], idle_ms = numbers[1], least_bytes = numbers[2];
  const uint64_t first = numbers[3], end = first + numbers[4];
  if (end > INT_MAX) return refuse(env, "no such descriptor");
  /* Without memory none is shut down now: uWebSockets.js closes them, if not as gently. */
  const bool has_room = make_room(end);
  const uint64_t now_ms = monotonic_ms();
  for (int descriptor = (int)first; has_room && descriptor < (int)end; descriptor++) {
    if (!stands_still(descriptor, now_ms, idle_ms, least_bytes) || local_port(descriptor) != port) continue;
    if (shutdown(descriptor, SHUT_RDWR) == 0) shut_down++;
  }
  CHECK(napi_create_uint32(env, shut_down, &result));
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"shutDownIdle", NULL, shut_down_idle, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  EXPORT(functions);
  return exports;
}

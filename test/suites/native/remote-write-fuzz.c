/*
 * A target of libFuzzer: are the records that the reader in C makes of a request of remote write, once it is inflated, those that
 * remote-write-judge.ts makes of it? Its length says of which version it is.
 */
#include "../../../lib/ingest/native/remote-write.h"

#include "judged-reading.h"

enum { longest_inflated = 1 << 16 };
static remote_write_reader *remote;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count;
  (void)arguments;
  remote = remote_write_new();
  if (remote == NULL) die("no memory");
  start_judge(finish);
  return 0;
}

/* As snappy writes what it cannot make shorter. */
static size_t deflate(const uint8_t *bytes, size_t length, uint8_t *to) {
  size_t written = 0, rest = length;
  for (; rest >= 0x80; rest >>= 7) to[written++] = (uint8_t)(rest | 0x80);
  to[written++] = (uint8_t)rest;
  if (length > 0) {
    to[written++] = 61 << 2;
    to[written++] = (uint8_t)((length - 1) & 0xff);
    to[written++] = (uint8_t)((length - 1) >> 8);
    memcpy(to + written, bytes, length);
  }
  return written + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static uint8_t deflated[longest_inflated];
  const bool is_second = length % 4 >= 2;
  options.buckets = length % 2 == 0;
  const size_t size = deflate(bytes, length, deflated);
  uint8_t *body = allocate(size);
  memcpy(body, deflated, size);
  /* Types that another request has said. */
  memset(&remote->families, 0, sizeof remote->families);
  reading_begin(&found, &options, &request);
  remote_write_read(remote, &found, is_second, body, size, longest_inflated);
  tell_reading(bytes, length, (uint32_t)(length % 4));
  free(body);
  return 0;
}

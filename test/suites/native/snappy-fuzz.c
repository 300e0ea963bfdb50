/* A target of libFuzzer: does what the reader in C inflates come to what snappy-judge.ts makes of it? */
#include "../../../lib/ingest/native/snappy.h"

#include "judged.h"

enum { longest = 1 << 16 };
static writer inflated;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count;
  (void)arguments;
  start_judge(finish);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  fault fault = {FAULT_NONE, NULL};
  const bool good = snappy_inflate((span){bytes, bytes + length}, longest, &inflated, &fault);
  if (good != (fault.kind == FAULT_NONE)) die("a fault is not told");
  tell_number(length);
  tell_number(good);
  tell_number(good ? inflated.length : 0);
  tell_bytes(bytes, length);
  if (good) tell_bytes(inflated.bytes, inflated.length);
  message_ends();
  return 0;
}

/*
 * A target of libFuzzer: are the records that the reader in C makes of an OTLP request those that otlp-judge.ts makes of it, which reads
 * it by other means, in another language?
 */
#include "../../../lib/ingest/native/otlp.h"

#include "judged-reading.h"

static otlp_reader *otlp;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count;
  (void)arguments;
  otlp = otlp_new();
  if (otlp == NULL) die("no memory");
  start_judge(finish);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  options.buckets = length % 2 == 0;
  reading_begin(&found, &options, &request);
  otlp_read(otlp, &found, bytes, length);
  tell_reading(bytes, length, options.buckets);
  return 0;
}

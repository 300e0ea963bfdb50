/* A target of libFuzzer: are the records that the reader in C makes of lines those that influx-judge.ts makes of them? */
#include "../../../lib/ingest/native/influx.h"

#include "judged-reading.h"

static influx_reader *influx;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count;
  (void)arguments;
  influx = influx_new();
  if (influx == NULL) die("no memory");
  start_judge(finish);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const uint8_t database[] = "db";
  const influx_request lines = {(enum timestamp_precision)(length / 2 % precisions), {database, database + 2}};
  options.text_as_tags = length % 2 == 0;
  reading_begin(&found, &options, &request);
  influx_read(influx, &found, &lines, bytes, length);
  tell_reading(bytes, length, (uint32_t)(length % (2 * precisions)));
  return 0;
}

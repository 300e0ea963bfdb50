/*
 * A target of libFuzzer sends its findings in batches to another program, JUDGE, and makes the next batch while JUDGE works. A message
 * consists of 4-byte numbers and of bytes; its format is between target and judge. JUDGE answers each batch with a line: "right", or
 * what is wrong.
 */
#ifndef VANTAGE_JUDGED_H
#define VANTAGE_JUDGED_H

#include "judge-process.h"

#include <stdbool.h>

enum { batch_bytes = 1 << 20, batch_messages = 500 };

static uint8_t batch[2 * batch_bytes];
static size_t batch_length;
static uint32_t batch_count;
static bool is_judging;

static void tell_bytes(const void *bytes, size_t length) {
  if (length > sizeof batch - batch_length) die("a message is too long");
  if (length > 0) memcpy(batch + batch_length, bytes, length);
  batch_length += length;
}

static void tell_number(uint64_t number) {
  const uint32_t word = (uint32_t)number;
  tell_bytes(&word, sizeof word);
}

static void hear_verdict(void) {
  if (!is_judging) return;
  is_judging = false;
  expect_right();
}

static void send_batch(void) {
  const uint32_t head[] = {(uint32_t)batch_length, batch_count};
  hear_verdict();
  if (batch_count == 0) return;
  put(head, sizeof head);
  put(batch, batch_length);
  fflush(to_judge);
  judged += batch_count;
  is_judging = true;
  batch_length = batch_count = 0;
}

/* After all of a message. */
static void message_ends(void) {
  batch_count++;
  if (batch_count == batch_messages || batch_length > batch_bytes) send_batch();
}

static void finish(void) {
  send_batch();
  hear_verdict();
  printf("%llu bodies, each judged\n", (unsigned long long)judged);
}

#endif

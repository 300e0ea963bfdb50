/*
 * A target of libFuzzer sends its findings in batches to another program, JUDGE, and makes the next batch while JUDGE works. A message
 * consists of 4-byte numbers and of bytes; its format is between target and judge. JUDGE answers each batch with a line: "right", or
 * what is wrong.
 */
#ifndef VANTAGE_JUDGED_H
#define VANTAGE_JUDGED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { batch_bytes = 1 << 20, batch_messages = 500 };

static FILE *to_judge, *from_judge;
static uint8_t batch[2 * batch_bytes];
static size_t batch_length;
static uint32_t batch_count;
static bool is_judging;
static uint64_t judged;

static void die(const char *why) {
  fprintf(stderr, "FINDING %s\n", why);
  abort();
}

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
  char verdict[4096];
  if (!is_judging) return;
  is_judging = false;
  if (fgets(verdict, sizeof verdict, from_judge) == NULL) die("the judge is gone");
  if (strcmp(verdict, "right\n") != 0) die(verdict);
}

static void send_batch(void) {
  const uint32_t head[] = {(uint32_t)batch_length, batch_count};
  hear_verdict();
  if (batch_count == 0) return;
  if (fwrite(head, 1, sizeof head, to_judge) != sizeof head || fwrite(batch, 1, batch_length, to_judge) != batch_length)
    die("the judge is gone");
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

static void start_judge(void) {
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) die("no pipe");
  if (fork() == 0) {
    dup2(there[0], 0);
    dup2(back[1], 1);
    close(there[1]);
    close(back[0]);
    execlp("sh", "sh", "-c", getenv("JUDGE"), (char *)NULL);
    _exit(127);
  }
  close(there[0]);
  close(back[1]);
  to_judge = fdopen(there[1], "w");
  from_judge = fdopen(back[0], "r");
  atexit(finish);
}

#endif

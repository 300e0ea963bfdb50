/* The program, JUDGE, that a target of libFuzzer asks whether its findings are right. It answers with a line: "right", or what is wrong. */
#ifndef VANTAGE_JUDGE_PROCESS_H
#define VANTAGE_JUDGE_PROCESS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *to_judge, *from_judge;
static uint64_t judged;

static void die(const char *why) {
  fprintf(stderr, "FINDING %s\n", why);
  abort();
}

static void put(const void *bytes, size_t length) {
  if (length > 0 && fwrite(bytes, 1, length, to_judge) != length) die("the judge is gone");
}

static void expect_right(void) {
  char verdict[4096];
  if (fgets(verdict, sizeof verdict, from_judge) == NULL) die("the judge is gone");
  if (strcmp(verdict, "right\n") != 0) die(verdict);
}

/* Calls `at_end` when this process ends. */
static void start_judge(void (*at_end)(void)) {
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
  atexit(at_end);
}

#endif

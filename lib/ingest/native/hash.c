#include "hash.h"

#include <sys/random.h>
#include <time.h>

uint64_t hash_secret;

void choose_hash_secret(void) {
  /* Where the kernel has no randomness yet, it is not worth waiting for. */
  if (getrandom(&hash_secret, sizeof hash_secret, GRND_NONBLOCK) != (ssize_t)sizeof hash_secret)
    hash_secret = (uint64_t)time(NULL);
}

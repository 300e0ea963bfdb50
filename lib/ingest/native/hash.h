/* A hash of short texts, with a secret of the process so that nobody can choose texts that meet. */
#ifndef VANTAGE_HASH_H
#define VANTAGE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Set once, before the first text is hashed (hash.c). */
extern uint64_t hash_secret;
void choose_hash_secret(void);

static inline uint64_t mixed(uint64_t a, uint64_t b) {
  const __uint128_t product = (__uint128_t)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* As wyhash does it, 8 bytes at a time. */
static inline uint64_t hash_of(const uint8_t *text, size_t length) {
  static const uint64_t first = UINT64_C(0xa0761d6478bd642f), second = UINT64_C(0xe7037ed1a0b428db);
  uint64_t hash = hash_secret ^ mixed(length ^ first, second), word = 0;
  for (; length >= sizeof word; text += sizeof word, length -= sizeof word) {
    memcpy(&word, text, sizeof word);
    hash = mixed(hash ^ word, first);
  }
  word = 0;
  memcpy(&word, text, length);
  return mixed(hash ^ word, second);
}

#endif

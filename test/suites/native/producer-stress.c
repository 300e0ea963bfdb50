/*
 * Does the producer of lib/delivery/native keep its word, without a race and without touching what is not its own, whatever its
 * callers and the brokers do? Compiled with a sanitizer, against librdkafka's mock cluster: producer-stress SECONDS SEED
 *
 * This thread has the part of JavaScript's: it alone calls the producers, and takes what their threads tell it from a queue.
 */
#include "../../../lib/delivery/native/producer.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { lives = 4, brokers = 3, most_batches = 4096, most_records = 50, most_bytes = 2000, most_questions = 5 };
static const int produce_request = 0; /* Kafka's number of it */

typedef struct {
  uint32_t records;
  bool settled;
} expected;

/* A producer, from its start until it is freed. */
typedef struct {
  producer *producer;
  bool closing;
  uint32_t batches;
  uint32_t settled;
  uint32_t asked;
  uint32_t answered;
  expected sent[most_batches];
  /* What its threads have told, newest first. Guarded by the lock. */
  pthread_mutex_t lock;
  struct told {
    struct told *next;
    event *event;
  } *told;
  bool has_settled;
} life;

static life all[lives];
static uint64_t sent_records, failed_records, closed;
static unsigned random_state;

/* From 0 to below `end`; the same for the same seed. */
static uint32_t below(uint32_t end) { return (uint32_t)rand_r(&random_state) % end; }

static void require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "FINDING %s\n", what);
  abort();
}

static void on_settled(void *context) {
  life *life = context;
  pthread_mutex_lock(&life->lock);
  require(!life->has_settled, "told of settled batches twice, before they were taken");
  life->has_settled = true;
  pthread_mutex_unlock(&life->lock);
}

static void on_event(void *context, event *event) {
  life *life = context;
  struct told *told = malloc(sizeof *told);
  require(told != NULL, "no memory");
  told->event = event;
  pthread_mutex_lock(&life->lock);
  told->next = life->told;
  life->told = told;
  pthread_mutex_unlock(&life->lock);
}

static void start(life *life, const char *bootstraps) {
  char error[512];
  bool shortage;
  static const char *const topics[] = {"metrics", "dead-letters"};
  rd_kafka_conf_t *configuration = rd_kafka_conf_new();
  const char *const properties[][2] = {
      {"bootstrap.servers", bootstraps},
      {"enable.idempotence", below(2) ? "true" : "false"},
      {"linger.ms", below(2) ? "0" : "5"},
      {"message.timeout.ms", below(2) ? "300" : "5000"},
      {"message.max.bytes", "1500"},
      {"statistics.interval.ms", "10"},
      {"reconnect.backoff.ms", "10"},
      {"reconnect.backoff.max.ms", "50"},
      {"compression.codec", below(2) ? "none" : "gzip"},
  };
  for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
    require(rd_kafka_conf_set(configuration, properties[i][0], properties[i][1], error, sizeof error) ==
                RD_KAFKA_CONF_OK,
            properties[i][0]);
  memset(life, 0, sizeof *life);
  pthread_mutex_init(&life->lock, NULL);
  listener listener = {on_settled, on_event, life};
  life->producer = producer_start(configuration, "", topics[below(2)], listener, error, sizeof error, &shortage);
  require(life->producer != NULL, error);
}

static void fill(char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) bytes[i] = (char)below(256);
}

/* Sends some records, or some of them, and frees all that was given at once. */
static void send_batch(life *life) {
  const uint32_t id = life->batches++, count = below(most_records + 1);
  life->sent[id] = (expected){count, false};
  sent_records += count;
  batch *made = batch_create(id, count);
  require(made != NULL, "no memory");
  char *bytes[most_records], *key = malloc(16);
  fill(key, 16);
  for (uint32_t i = 0; i < count; i++) {
    const size_t length = below(most_bytes);
    bytes[i] = malloc(length + 1);
    fill(bytes[i], length);
    made->records[i].number = 2 * i;
    const bool keyed = below(3) > 0;
    require(producer_describe(life->producer, i, bytes[i], length, keyed ? key : NULL, keyed ? 16 : 0), "no memory");
  }
  producer_send(life->producer, made, RD_KAFKA_PARTITION_UA);
  for (uint32_t i = 0; i < count; i++) free(bytes[i]);
  free(key);
}

static void send_with_headers(life *life) {
  const uint32_t id = life->batches++;
  life->sent[id] = (expected){1, false};
  sent_records++;
  batch *made = batch_create(id, 1);
  rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
  const size_t length = below(most_bytes);
  char *bytes = malloc(length + 1);
  fill(bytes, length);
  rd_kafka_header_add(headers, "re\0ason", 7, bytes, (ssize_t)(length / 2));
  producer_send_with_headers(life->producer, made, bytes, length, bytes, length / 2, headers);
  free(bytes);
}

static void settle(life *life, batch *settled) {
  require(settled->id < life->batches, "a batch settled that was never sent");
  expected *expected = &life->sent[settled->id];
  require(!expected->settled, "a batch settled twice");
  require(settled->count == expected->records, "a batch settled with other records");
  expected->settled = true;
  life->settled++;
  uint32_t failures = 0;
  for (uint32_t i = 0; i < settled->count; i++) failures += settled->records[i].error != RD_KAFKA_RESP_ERR_NO_ERROR;
  require(failures == settled->failures, "as many records failed as were counted");
  failed_records += failures;
  free(settled);
}

static void take_settled(life *life) {
  pthread_mutex_lock(&life->lock);
  const bool has_settled = life->has_settled;
  life->has_settled = false;
  pthread_mutex_unlock(&life->lock);
  if (!has_settled) return;
  for (batch *settled = producer_take_settled(life->producer), *next; settled != NULL; settled = next) {
    next = settled->next;
    settle(life, settled);
  }
}

static struct told *take_told(life *life) {
  pthread_mutex_lock(&life->lock);
  struct told *told = life->told;
  life->told = NULL;
  pthread_mutex_unlock(&life->lock);
  return told;
}

static void end(life *life) {
  take_settled(life);
  require(life->settled == life->batches, "a closed producer has settled all batches");
  producer_free(life->producer);
  pthread_mutex_destroy(&life->lock);
  life->producer = NULL;
  closed++;
}

/* The events so far, settled batches first, since they are reported before anything that comes after them. */
static void hear(life *life) {
  struct told *told = take_told(life);
  take_settled(life);
  bool over = false;
  for (struct told *next; told != NULL; told = next) {
    next = told->next;
    life->answered += told->event->kind == EVENT_ANSWER;
    over |= told->event->kind == EVENT_CLOSED;
    free(told->event->text);
    free(told->event);
    free(told);
  }
  if (over) end(life);
}

static void disturb(rd_kafka_mock_cluster_t *cluster) {
  const int32_t broker = 1 + (int32_t)below(brokers);
  switch (below(6)) {
    case 0:
      rd_kafka_mock_broker_set_down(cluster, broker);
      break;
    case 1:
      rd_kafka_mock_push_request_errors(cluster, produce_request, 2, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                        RD_KAFKA_RESP_ERR_INVALID_RECORD);
      break;
    case 2:
      rd_kafka_mock_broker_set_rtt(cluster, broker, (int)below(100));
      break;
    default:
      rd_kafka_mock_broker_set_up(cluster, broker);
      rd_kafka_mock_broker_set_rtt(cluster, broker, 0);
  }
}

static void act(life *life, const char *bootstraps) {
  if (life->producer == NULL) {
    start(life, bootstraps);
    return;
  }
  hear(life);
  if (life->producer == NULL || atomic_load(&life->producer->closing)) return;
  const uint32_t open = life->asked - life->answered;
  if (life->closing) {
    if (open == 0) producer_close(life->producer);
    return;
  }
  switch (below(40)) {
    case 0:
      life->closing = true;
      break;
    case 1:
      if (open < most_questions && producer_ask(life->producer, life->asked, 1 + (int)below(200))) life->asked++;
      break;
    case 2:
      send_with_headers(life);
      break;
    default:
      if (life->batches - life->settled < 200) send_batch(life);
  }
  if (life->batches == most_batches) life->closing = true;
}

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const double until = now_seconds() + atof(arguments[1]);
  random_state = (unsigned)strtoul(arguments[2], NULL, 10);
  char error[512];
  rd_kafka_conf_t *configuration = rd_kafka_conf_new();
  char broker_count[16];
  snprintf(broker_count, sizeof broker_count, "%d", brokers);
  rd_kafka_conf_set(configuration, "test.mock.num.brokers", broker_count, NULL, 0);
  rd_kafka_conf_set(configuration, "log_level", "2", NULL, 0);
  rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, error, sizeof error);
  require(host != NULL, error);
  rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(host);
  const char *bootstraps = rd_kafka_mock_cluster_bootstraps(cluster);

  uint64_t steps = 0;
  for (; now_seconds() < until; steps++) {
    act(&all[below(lives)], bootstraps);
    if (below(100) == 0) disturb(cluster);
    if (below(20) == 0) usleep(below(3000));
  }
  for (int32_t broker = 1; broker <= brokers; broker++) rd_kafka_mock_broker_set_up(cluster, broker);
  bool busy = true;
  while (busy) {
    busy = false;
    for (int i = 0; i < lives; i++) {
      all[i].closing = true;
      if (all[i].producer == NULL) continue;
      act(&all[i], bootstraps);
      busy = true;
    }
    usleep(1000);
  }
  rd_kafka_destroy(host);
  printf("%llu steps, %llu producers, %llu records, of which %llu failed\n", (unsigned long long)steps,
         (unsigned long long)closed, (unsigned long long)sent_records, (unsigned long long)failed_records);
  return closed > 0 && failed_records > 0 && failed_records < sent_records ? 0 : 1;
}

#include "producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each event wakes the polling thread at once, and so does closing. */
static const int poll_timeout_ms = 1000;
/* How long the broker threads may take to hand back what is given up: no time, unless they are starved or resolve a name. */
static const int hand_back_ms = 30000;

/* When a token expires is between its issuer and the broker: librdkafka only needs a day far off. */
static const int64_t token_lifetime_ms = INT64_MAX / 100000;

static void tell(producer *producer, event_kind kind, const char *text) {
  event *told = calloc(1, sizeof *told);
  if (told == NULL) return;
  told->kind = kind;
  if (text != NULL && (told->text = strdup(text)) == NULL) {
    free(told);
    return;
  }
  producer->listener.on_event(producer->listener.context, told);
}

/* Counts one report, or the end of the sending; the last one settles the batch. */
static void count_down(producer *producer, batch *batch) {
  if (atomic_fetch_sub(&batch->waiting, 1) > 1) return;
  pthread_mutex_lock(&producer->lock);
  batch->next = producer->settled;
  producer->settled = batch;
  bool tell_listener = !producer->told;
  producer->told = true;
  pthread_mutex_unlock(&producer->lock);
  if (tell_listener) producer->listener.on_settled(producer->listener.context);
}

static void note_failure(record *record, rd_kafka_resp_err_t error) {
  record->error = error;
  atomic_fetch_add(&record->batch->failures, 1);
}

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
  (void)client;
  record *record = message->_private;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) note_failure(record, message->err);
  count_down(opaque, record->batch);
}

/*
 * Of connections that fail, errors say no more than "authentication failure"; the log has the reason. And only the log,
 * and statistics much later, tell that a producer has its id.
 */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
  (void)level;
  if (strcmp(facility, "FAIL") == 0) tell(rd_kafka_opaque(client), EVENT_FAILURE, text);
  if (strcmp(facility, "IDEMPSTATE") == 0 && strstr(text, "-> Assigned") != NULL)
    tell(rd_kafka_opaque(client), EVENT_IDENTIFIED, NULL);
}

/* What is neither acknowledged nor reported has failed: reports on it come from the broker threads. */
static void give_up(rd_kafka_t *client) {
  rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* A producer that has failed for good never sends again: what it still holds is reported at once. */
static void on_error(rd_kafka_t *client, int error, const char *reason, void *opaque) {
  (void)reason;
  if (error != RD_KAFKA_RESP_ERR__FATAL) return;
  char text[512];
  rd_kafka_fatal_error(client, text, sizeof text);
  give_up(client);
  tell(opaque, EVENT_FATAL, text);
}

static int on_statistics(rd_kafka_t *client, char *json, size_t length, void *opaque) {
  (void)client;
  (void)length;
  tell(opaque, EVENT_STATISTICS, json);
  return 0;
}

static void *poll_until_closed(void *argument) {
  producer *producer = argument;
  while (!atomic_load(&producer->closing)) rd_kafka_poll(producer->client, poll_timeout_ms);
  /* What was acknowledged meanwhile is reported as such, what is not fails now. */
  rd_kafka_poll(producer->client, 0);
  give_up(producer->client);
  rd_kafka_flush(producer->client, hand_back_ms);
  /* The thread that closes it may still be waking this one, which was awake. */
  pthread_mutex_lock(&producer->lock);
  rd_kafka_queue_destroy(producer->queue);
  producer->queue = NULL;
  pthread_mutex_unlock(&producer->lock);
  rd_kafka_topic_destroy(producer->topic);
  producer->topic = NULL;
  rd_kafka_destroy(producer->client);
  producer->client = NULL;
  event *last_words = producer->last_words;
  producer->last_words = NULL;
  producer->listener.on_event(producer->listener.context, last_words);
  return NULL;
}

static void release(producer *producer) {
  if (producer->queue != NULL) rd_kafka_queue_destroy(producer->queue);
  if (producer->topic != NULL) rd_kafka_topic_destroy(producer->topic);
  if (producer->client != NULL) rd_kafka_destroy(producer->client);
  pthread_mutex_destroy(&producer->lock);
  free(producer->last_words);
  free(producer->messages);
  free(producer);
}

producer *producer_start(rd_kafka_conf_t *configuration, const char *token, const char *topic, listener listener,
                         char *error, size_t size, bool *shortage) {
  producer *made = calloc(1, sizeof *made);
  event *last_words = calloc(1, sizeof *last_words);
  *shortage = made == NULL || last_words == NULL;
  if (*shortage) {
    snprintf(error, size, "out of memory");
    rd_kafka_conf_destroy(configuration);
    free(made);
    free(last_words);
    return NULL;
  }
  last_words->kind = EVENT_CLOSED;
  made->last_words = last_words;
  made->listener = listener;
  pthread_mutex_init(&made->lock, NULL);
  rd_kafka_conf_set_opaque(configuration, made);
  rd_kafka_conf_set_dr_msg_cb(configuration, on_report);
  rd_kafka_conf_set_error_cb(configuration, on_error);
  rd_kafka_conf_set_stats_cb(configuration, on_statistics);
  rd_kafka_conf_set_log_cb(configuration, on_log);
  /* On the polling thread, like all events. */
  rd_kafka_conf_set(configuration, "log.queue", "true", NULL, 0);
  rd_kafka_conf_set(configuration, "debug", "eos", NULL, 0);
  made->client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, error, size);
  if (made->client == NULL) {
    *shortage = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    rd_kafka_conf_destroy(configuration);
    release(made);
    return NULL;
  }
  rd_kafka_set_log_queue(made->client, NULL);
  made->queue = rd_kafka_queue_get_main(made->client);
  if (token[0] != '\0' && rd_kafka_oauthbearer_set_token(made->client, token, token_lifetime_ms, "", NULL, 0, error,
                                                         size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    release(made);
    return NULL;
  }
  made->topic = rd_kafka_topic_new(made->client, topic, NULL);
  if (made->topic == NULL || pthread_create(&made->poller, NULL, poll_until_closed, made) != 0) {
    *shortage = made->topic != NULL;
    snprintf(error, size, "%s", *shortage ? "no thread to be had" : rd_kafka_err2str(rd_kafka_last_error()));
    release(made);
    return NULL;
  }
  return made;
}

batch *batch_create(uint32_t id, uint32_t count) {
  batch *made = malloc(sizeof *made + count * sizeof made->records[0]);
  if (made == NULL) return NULL;
  made->next = NULL;
  made->id = id;
  made->count = count;
  atomic_init(&made->waiting, count + 1);
  atomic_init(&made->failures, 0);
  for (uint32_t i = 0; i < count; i++) made->records[i] = (record){made, i, RD_KAFKA_RESP_ERR_NO_ERROR};
  return made;
}

bool producer_describe(producer *producer, uint32_t index, const void *value, size_t value_length, const void *key,
                       size_t key_length) {
  if (index >= producer->capacity) {
    size_t capacity = index < 64 ? 128 : 2 * (size_t)index;
    rd_kafka_message_t *grown = realloc(producer->messages, capacity * sizeof *grown);
    if (grown == NULL) return false;
    producer->messages = grown;
    producer->capacity = capacity;
  }
  producer->messages[index] =
      (rd_kafka_message_t){.payload = (void *)value, .len = value_length, .key = (void *)key, .key_len = key_length};
  return true;
}

void producer_send(producer *producer, batch *batch, int32_t partition) {
  int count = (int)batch->count;
  rd_kafka_message_t *messages = producer->messages;
  for (int i = 0; i < count; i++) messages[i]._private = &batch->records[i];
  if (rd_kafka_produce_batch(producer->topic, partition, RD_KAFKA_MSG_F_COPY, messages, count) < count) {
    for (int i = 0; i < count; i++) {
      if (messages[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      note_failure(&batch->records[i], messages[i].err);
      count_down(producer, batch);
    }
  }
  count_down(producer, batch);
}

void producer_send_with_headers(producer *producer, batch *batch, const void *value, size_t value_length,
                                const void *key, size_t key_length, rd_kafka_headers_t *headers) {
  rd_kafka_resp_err_t error =
      rd_kafka_producev(producer->client, RD_KAFKA_V_RKT(producer->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_VALUE((void *)value, value_length), RD_KAFKA_V_KEY(key, key_length),
                        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(&batch->records[0]), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_headers_destroy(headers);
    note_failure(&batch->records[0], error);
    count_down(producer, batch);
  }
  count_down(producer, batch);
}

batch *producer_take_settled(producer *producer) {
  pthread_mutex_lock(&producer->lock);
  batch *settled = producer->settled;
  producer->settled = NULL;
  producer->told = false;
  pthread_mutex_unlock(&producer->lock);
  return settled;
}

int32_t producer_partition_of(const char *partitioner, const void *key, size_t length, int32_t partitions) {
  static const struct {
    const char *name;
    int32_t (*of)(const rd_kafka_topic_t *, const void *, size_t, int32_t, void *, void *);
  } partitioners[] = {
      {"murmur2_random", rd_kafka_msg_partitioner_murmur2},       {"murmur2", rd_kafka_msg_partitioner_murmur2},
      {"consistent_random", rd_kafka_msg_partitioner_consistent}, {"consistent", rd_kafka_msg_partitioner_consistent},
      {"fnv1a_random", rd_kafka_msg_partitioner_fnv1a},           {"fnv1a", rd_kafka_msg_partitioner_fnv1a}};
  /* None of them looks at the topic. */
  for (size_t i = 0; i < sizeof partitioners / sizeof partitioners[0]; i++) {
    if (strcmp(partitioner, partitioners[i].name) == 0)
      return partitioners[i].of(NULL, key, length, partitions, NULL, NULL);
  }
  return RD_KAFKA_PARTITION_UA;
}

/* The partitions without a leader, each followed by a comma; NULL without memory. */
static char *leaderless_of(const struct rd_kafka_metadata_topic *topic) {
  const size_t digits = sizeof "2147483647,";
  char *text = malloc(digits * (size_t)topic->partition_cnt + 1), *end = text;
  if (text == NULL) return NULL;
  *end = '\0';
  for (int i = 0; i < topic->partition_cnt; i++) {
    if (topic->partitions[i].leader < 0) end += sprintf(end, "%d,", (int)topic->partitions[i].id);
  }
  return text;
}

typedef struct {
  producer *producer;
  int timeout_ms;
  event *answer;
} question;

static void *ask(void *argument) {
  question *asked = argument;
  producer *producer = asked->producer;
  event *answer = asked->answer;
  topic_state *topic = &answer->topic;
  const struct rd_kafka_metadata *metadata;
  topic->failure = rd_kafka_metadata(producer->client, 0, producer->topic, &metadata, asked->timeout_ms);
  free(asked);
  if (topic->failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (metadata->topic_cnt == 1) {
      const struct rd_kafka_metadata_topic *found = &metadata->topics[0];
      topic->error = found->err;
      topic->partitions = found->partition_cnt;
      answer->text = leaderless_of(found);
    }
    rd_kafka_metadata_destroy(metadata);
  }
  producer->listener.on_event(producer->listener.context, answer);
  return NULL;
}

bool producer_ask(producer *producer, uint32_t number, int timeout_ms) {
  question *asked = malloc(sizeof *asked);
  event *answer = calloc(1, sizeof *answer);
  pthread_t thread;
  if (asked != NULL && answer != NULL) {
    answer->kind = EVENT_ANSWER;
    answer->question = number;
    *asked = (question){producer, timeout_ms, answer};
    if (pthread_create(&thread, NULL, ask, asked) == 0) {
      pthread_detach(thread);
      return true;
    }
  }
  free(asked);
  free(answer);
  return false;
}

void producer_close(producer *producer) {
  pthread_mutex_lock(&producer->lock);
  atomic_store(&producer->closing, true);
  rd_kafka_queue_yield(producer->queue);
  pthread_mutex_unlock(&producer->lock);
}

void producer_free(producer *producer) {
  pthread_join(producer->poller, NULL);
  release(producer);
}

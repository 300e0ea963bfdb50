/*
 * A librdkafka producer that tells when all records of a batch are with the brokers.
 *
 * librdkafka reports on each record. Handed on one by one to JavaScript, the reports cost more than everything else
 * together; here they are counted in C, by a thread of their own, and JavaScript hears once a batch.
 */
#ifndef VANTAGE_PRODUCER_H
#define VANTAGE_PRODUCER_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct batch batch;

/* One record of a batch: what librdkafka's report on it carries. */
typedef struct {
  batch *batch;
  /* Which record of its batch it is, as the caller counts them. */
  uint32_t number;
  /* RD_KAFKA_RESP_ERR_NO_ERROR once acknowledged. */
  rd_kafka_resp_err_t error;
} record;

/* Records that were sent together. It is settled when each of them is acknowledged or has failed. */
struct batch {
  batch *next;
  uint32_t id;
  uint32_t count;
  /* Records without a report, and one while the batch is still being sent. */
  atomic_uint waiting;
  atomic_uint failures;
  record records[];
};

/* What the brokers say of the topic; `failure`: why they say nothing, `error`: what they have against it. */
typedef struct {
  rd_kafka_resp_err_t failure, error;
  int32_t partitions;
} topic_state;

/* What there is to tell beside settled batches. The text, and the event itself, are the receiver's to free. */
typedef enum {
  EVENT_FAILURE,
  EVENT_FATAL,
  EVENT_STATISTICS,
  /* The brokers have given the producer its id, without which an idempotent one sends nothing. */
  EVENT_IDENTIFIED,
  EVENT_ANSWER,
  EVENT_CLOSED
} event_kind;
typedef struct {
  event_kind kind;
  /* Of EVENT_ANSWER: the partitions without a leader, each followed by a comma. */
  char *text;
  /* Of EVENT_ANSWER: which question it answers, and what it says. */
  uint32_t question;
  topic_state topic;
} event;

/* Told on any thread. */
typedef struct {
  /* Some batches are settled: take_settled has them. Not called again before they are taken. */
  void (*on_settled)(void *context);
  void (*on_event)(void *context, event *told);
  void *context;
} listener;

typedef struct {
  rd_kafka_t *client;
  rd_kafka_topic_t *topic;
  listener listener;
  pthread_t poller;
  atomic_bool closing;
  pthread_mutex_t lock;
  /* For waking the poller; NULL once it has closed. Guarded by the lock. */
  rd_kafka_queue_t *queue;
  /* EVENT_CLOSED, which must not fail for want of memory. */
  event *last_words;
  /* Settled batches that have not been taken, newest first, and whether the listener knows. Guarded by the lock. */
  batch *settled;
  bool told;
  /* Room for describing a batch to librdkafka, kept between calls. */
  rd_kafka_message_t *messages;
  size_t capacity;
} producer;

/*
 * Starts a producer and the thread that polls it. Connects in the background, whenever there is a broker. The
 * configuration is the producer's from then on; the token is for OAUTHBEARER, "" for none. NULL, with the reason in
 * `error`, when librdkafka refuses, or the system does: `shortage` is whether it lacks threads or memory.
 */
producer *producer_start(rd_kafka_conf_t *configuration, const char *token, const char *topic, listener listener,
                         char *error, size_t size, bool *shortage);

/* Makes a batch of `count` records for producer_send; NULL without memory. */
batch *batch_create(uint32_t id, uint32_t count);

/* Describes record `index` of the next batch, which librdkafka copies when it is sent. false without memory. */
bool producer_describe(producer *producer, uint32_t index, const void *value, size_t value_length, const void *key,
                       size_t key_length);

/*
 * Queues the records that were described, for one partition or for those of their keys (RD_KAFKA_PARTITION_UA). What librdkafka
 * does not take has failed; the batch settles in any case.
 */
void producer_send(producer *producer, batch *batch, int32_t partition);

/* The partition of a key, by librdkafka's name of a partitioner; RD_KAFKA_PARTITION_UA if that goes by chance. */
int32_t producer_partition_of(const char *partitioner, const void *key, size_t length, int32_t partitions);

/* Queues one record with headers, which become librdkafka's if it takes the record. It settles in any case. */
void producer_send_with_headers(producer *producer, batch *batch, const void *value, size_t value_length,
                                const void *key, size_t key_length, rd_kafka_headers_t *headers);

/* The batches that have settled since the last call, linked by `next`; the caller frees each. */
batch *producer_take_settled(producer *producer);

/*
 * Asks a broker for the state of the topic, on a thread of its own, which tells EVENT_ANSWER. It may take much longer
 * than the time-out, which librdkafka counts by the wall clock. false without memory or a thread.
 */
bool producer_ask(producer *producer, uint32_t question, int timeout_ms);

/*
 * Settles what is not settled as failed and closes the connections, on the polling thread, which tells EVENT_CLOSED at
 * the end. All questions must have been answered.
 */
void producer_close(producer *producer);

/* Frees what is left after EVENT_CLOSED. */
void producer_free(producer *producer);

#endif

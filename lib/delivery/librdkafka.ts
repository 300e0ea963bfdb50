import Kafka from 'node-rdkafka'

/** The librdkafka that node-rdkafka has compiled on this machine. */
export const librdkafka = {
  version: Kafka.librdkafkaVersion,
  /** What it was compiled with, in its own words: `gzip`, `ssl`, `zstd` and so on. */
  features: Kafka.features,
} as const

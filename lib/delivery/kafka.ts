import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import type { Logger } from '../shared/logger.js'
import type { BrokerState, Telemetry } from '../telemetry/telemetry.js'
import { BrokerStates } from './broker-states.js'
import { KafkaHealth, type KafkaStatus } from './kafka-health.js'
import { Partitions } from './partitions.js'
import { Producer } from './producer.js'
import { producerProperties } from './producer-properties.js'
import { Sender } from './sender.js'

const askAgainMs = 10

export type KafkaOptions = {
  config: Config
  telemetry: Telemetry
  logger: Logger
  /** What becomes of batches that Kafka does not take at the moment, for the log. */
  otherwise: () => string
}

type ProducerPurpose = { topic?: string; onStatistics?: (json: string) => void }

/** What a worker knows of the brokers, and the producers that it opens to them. */
export class Kafka {
  readonly health: KafkaHealth
  readonly partitions: Partitions
  /** For the metrics of requests. */
  readonly sender: Sender
  readonly #options: KafkaOptions
  readonly #brokers: BrokerStates
  /** Until then, what is wrong with Kafka is not logged, but noted: most of it passes in the first moments. */
  #isStarting = true
  #hasComplaint = false
  #stopped = false

  constructor(options: KafkaOptions) {
    const { config, telemetry } = options
    this.#options = options
    this.#brokers = new BrokerStates((broker, errors) => telemetry.count('kafkaBrokerErrors', broker, errors))
    this.sender = new Sender(() => this.openProducer({ onStatistics: (json) => this.#brokers.update(json) }))
    this.partitions = new Partitions({
      topic: config.kafkaTopic,
      partitioner: String(producerProperties(config).topic.partitioner),
      onChange: (description) => this.#logPartitions(description),
    })
    this.health = new KafkaHealth(() => this.sender.producer, {
      bootstrapServers: config.kafkaBootstrapServers,
      topic: config.kafkaTopic,
      partitions: this.partitions,
      slowAfterMs: config.ackTimeoutMs,
      onChange: (status) => this.#logStatus(status),
    })
  }

  /** Each broker that librdkafka has found, as of a few seconds ago. */
  get brokers(): BrokerState[] {
    return this.#brokers.states
  }

  /** Resolves once the brokers take records, and after `waitMs` in any case: they are watched from then on. */
  async waitUntilUp(waitMs: number): Promise<void> {
    const deadline = performance.now() + waitMs
    await this.health.check()
    while (!this.#stopped && !this.health.status.up && performance.now() < deadline) {
      await pause(askAgainMs)
      await this.health.check()
    }
    if (this.#stopped) return
    this.#isStarting = false
    if (this.#hasComplaint && !this.health.status.up) this.#logStatus(this.health.status)
    this.health.watch()
  }

  /** Asks no more; the sender is closed apart from this. */
  stop(): void {
    this.#stopped = true
    this.health.stop()
    this.partitions.stop()
  }

  openProducer({ topic = this.#options.config.kafkaTopic, onStatistics }: ProducerPurpose = {}): Producer {
    return new Producer(producerProperties(this.#options.config), topic, {
      onConnectionError: (error) => this.health.connectionError(error),
      onFatal: (reason) => {
        this.#options.logger.error(
          { reason },
          'a Kafka producer failed for good and is replaced; its records are sent again',
        )
        this.health.recordsFailed(reason)
      },
      ...(onStatistics && { onStatistics }),
    })
  }

  #logPartitions(description: string): void {
    const { logger, otherwise } = this.#options
    // A partition that comes back may be the first that takes records again.
    if (!this.partitions.allAway) this.health.released(true)
    if (description === '') logger.info('all partitions take records')
    else logger.warn({ kafka: description }, `some partitions take no records; batches for them ${otherwise()}`)
  }

  #logStatus({ up, message }: KafkaStatus): void {
    const { logger, otherwise } = this.#options
    // At a good start, too, the brokers' first answers come before the producer has its id, or its topic a leader.
    if (!up && this.#isStarting) this.#hasComplaint = true
    else if (up) logger.info({ kafka: message }, 'Kafka takes records')
    else logger.warn({ kafka: message }, `Kafka does not take records; batches ${otherwise()}`)
  }
}

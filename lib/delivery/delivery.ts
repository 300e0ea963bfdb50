import type { BufferPool } from '../shared/buffer-pool.js'
import type { Config } from '../shared/config.js'
import { Problem, type ProblemCode } from '../shared/errors.js'
import type { Logger } from '../shared/logger.js'
import type { BrokerState, Telemetry } from '../shared/telemetry.js'
import { BrokerStates } from './broker-states.js'
import { KafkaHealth, type KafkaStatus } from './kafka-health.js'
import { type FailedRecord, Lane, type LaneResult } from './lane.js'
import { Lanes } from './lanes.js'
import { Producer } from './producer.js'
import { producerProperties } from './producer-properties.js'
import type { RecordBatch } from './record-batch.js'
import { Redelivery } from './redelivery.js'
import { type DeliveryOutcome, retryAfter, Shipment } from './shipment.js'

const sweepIntervalMs = 50
const mebibyte = 2 ** 20

/** Why a batch posted now would not be taken. */
export type Unavailability = { code: ProblemCode; detail: string }

/** Takes accepted metrics to Kafka and says of each batch what became of it. Knows nothing of HTTP. */
export class Delivery {
  readonly #config: Config
  readonly #telemetry: Telemetry
  readonly #pool: BufferPool
  readonly #logger: Logger
  readonly #health: KafkaHealth
  readonly #lanes: Lanes
  readonly #redelivery: Redelivery
  readonly #maxHeldBytes: number
  /** Shipments without an answer, oldest first. */
  readonly #unanswered = new Set<Shipment>()
  #newestProducer: Producer | undefined
  readonly #brokers: BrokerStates
  /** The one whose statistics are read: those of the others would say the same of the brokers. */
  #measuredProducer: Producer | undefined
  #sweeper: NodeJS.Timeout | undefined

  /** @param pool where the bytes of a batch go when it is finished */
  constructor(config: Config, telemetry: Telemetry, pool: BufferPool, logger: Logger) {
    this.#config = config
    this.#telemetry = telemetry
    this.#pool = pool
    this.#logger = logger
    this.#maxHeldBytes = config.maxInflightMb * mebibyte
    this.#brokers = new BrokerStates((broker, errors) => telemetry.count('kafkaBrokerErrors', broker, errors))
    this.#lanes = new Lanes(
      () => this.#openLane(),
      (results) => this.#onFlushed(results),
    )
    this.#redelivery = new Redelivery(() => this.#openLane())
    this.#health = new KafkaHealth(() => this.#producer, {
      bootstrapServers: config.kafkaBootstrapServers,
      topic: config.kafkaTopic,
      onChange: (status) => this.#logKafka(status),
    })
  }

  /**
   * Resolves once Kafka takes records, and after `waitForKafkaMs` in any case: it is waited for in the background then.
   */
  async start(waitForKafkaMs: number): Promise<void> {
    await this.#lanes.open()
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs)
    const deadline = performance.now() + waitForKafkaMs
    do await this.#health.check()
    while (!this.#health.status.up && performance.now() < deadline)
    this.#health.watch()
  }

  /** Gives up what no request waits for any more, and closes the connections. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#health.stop()
    await Promise.all([this.#lanes.close(), this.#redelivery.close()])
  }

  get kafka(): KafkaStatus {
    return this.#health.status
  }

  /** Each broker that librdkafka has found, as of a few seconds ago. */
  get brokers(): BrokerState[] {
    return this.#brokers.states
  }

  /** Brings those gauges up to date that are only read when a snapshot is taken. */
  measure(): void {
    const { gauges } = this.#telemetry
    const { lanes, flushing } = this.#lanes.state
    gauges.lanes = lanes
    gauges.lanesFlushing = flushing
    gauges.heldLimitBytes = this.#maxHeldBytes
    gauges.kafkaUp = Number(this.kafka.up)
    gauges.ready = Number(this.unavailability === undefined)
  }

  /** Why a batch posted now would be answered 503; undefined if it would be taken. */
  get unavailability(): Unavailability | undefined {
    const { up, message } = this.#health.status
    if (!up) return { code: 'VANTAGE_KAFKA_UNAVAILABLE', detail: message }
    if (this.#telemetry.gauges.heldBytes >= this.#maxHeldBytes) {
      return {
        code: 'VANTAGE_OVERLOADED',
        detail: `${this.#config.maxInflightMb} MiB wait for acknowledgement`,
      }
    }
    return undefined
  }

  /**
   * Takes the batch, whose bytes are the delivery's from then on. Resolves when the brokers have acknowledged the
   * batch, which is never later than the acknowledgement time-out.
   *
   * @throws {Problem} when it cannot be taken, or is not acknowledged in time; then it may still arrive later
   */
  async deliver(batch: RecordBatch): Promise<DeliveryOutcome> {
    this.assertAvailable()
    return new Promise((resolve, reject) => {
      const shipment = new Shipment(batch, performance.now() + this.#config.ackTimeoutMs, { resolve, reject })
      this.#unanswered.add(shipment)
      this.#telemetry.gauges.heldBytes += shipment.heldBytes
      this.#lanes.carry(shipment)
    })
  }

  /** @throws {Problem} when a batch posted now would not be taken */
  assertAvailable(): void {
    const unavailability = this.unavailability
    if (unavailability === undefined) return
    throw new Problem(unavailability.code, unavailability.detail, { headers: retryAfter })
  }

  #onFlushed(results: readonly LaneResult[]): void {
    if (results.some(({ shipment }) => shipment.delivered.records > 0)) this.#health.acknowledged()
    for (const { shipment, failed } of results) {
      if (failed.length === 0 || shipment.settled) this.#finish(shipment)
      else void this.#redeliver(shipment, failed)
    }
    if (this.#telemetry.gauges.heldBytes === 0) this.#health.released()
  }

  async #redeliver(shipment: Shipment, failed: readonly FailedRecord[]): Promise<void> {
    const [{ reason } = { reason: 'unknown' }] = failed
    this.#logger.warn({ records: failed.length, reason }, 'Kafka did not take records; sending them again')
    await this.#redelivery.redeliver(shipment, failed)
    this.#finish(shipment)
  }

  /** Nothing of the shipment is on its way any more. */
  #finish(shipment: Shipment): void {
    const { counts, gauges } = this.#telemetry
    const { records, metrics, bytes } = shipment.delivered
    counts.recordsDelivered += records
    counts.deliveredBytes += bytes
    counts.recordsFailed += shipment.records - records
    if (shipment.settled) counts.metricsLate += metrics
    if (records > 0) this.#telemetry.observe('acknowledgeDurationSeconds', shipment.ageMs / 1000)
    gauges.heldBytes -= shipment.heldBytes
    this.#unanswered.delete(shipment)
    this.#pool.give(shipment.batch.bytes)
    shipment.acknowledge()
  }

  /** Gives up shipments that have waited too long, so that their agents hear of it in time. */
  #sweep(): void {
    const now = performance.now()
    const { ackTimeoutMs } = this.#config
    for (const shipment of this.#unanswered) {
      if (shipment.deadlineMs > now) return
      this.#unanswered.delete(shipment)
      if (now - this.#health.acknowledgedAtMs > ackTimeoutMs) this.#health.stalled(ackTimeoutMs)
      shipment.giveUp('VANTAGE_ACK_TIMEOUT', `Kafka did not acknowledge the batch within ${ackTimeoutMs} ms`)
    }
  }

  async #openLane(): Promise<Lane> {
    const { kafkaTopic } = this.#config
    const measured = this.#measuredProducer === undefined || this.#measuredProducer.failed
    const producer = await Producer.start(producerProperties(this.#config), kafkaTopic, {
      onConnectionError: (message) => this.#health.connectionError(message),
      onFatal: () => this.#logger.error('a Kafka producer failed for good and is replaced; its records are sent again'),
      ...(measured && { onStatistics: (json) => this.#brokers.update(json) }),
    })
    if (measured) this.#measuredProducer = producer
    this.#newestProducer = producer
    return new Lane(producer)
  }

  get #producer(): Producer {
    if (this.#newestProducer === undefined) throw new Error('no producer before start()')
    return this.#newestProducer
  }

  #logKafka({ up, message }: KafkaStatus): void {
    if (up) this.#logger.info({ kafka: message }, 'Kafka takes records')
    else this.#logger.warn({ kafka: message }, 'Kafka does not take records; batches are answered 503')
  }
}

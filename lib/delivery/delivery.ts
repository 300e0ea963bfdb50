import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import { messageOf } from '../shared/errors.js'
import type { Logger } from '../shared/logger.js'
import { Seldom } from '../shared/seldom.js'
import type { HeldPlace } from '../telemetry/ledger.js'
import type { BrokerState, Telemetry } from '../telemetry/telemetry.js'
import { BrokerStates } from './broker-states.js'
import { DeadLetterTopic } from './dead-letter-topic.js'
import { DeadLetters } from './dead-letters.js'
import { Journal, JournalRefusal, type JournalState, type JournalStatus } from './journal/journal.js'
import type { Fault } from './journal/log.js'
import { KafkaHealth, type KafkaStatus } from './kafka-health.js'
import { OtherTopics } from './other-topics.js'
import { type DeferralReason, type Deferred, type DeliveryOutcome, deferred } from './outcome.js'
import { Partitions } from './partitions.js'
import { type FailedRecord, Producer } from './producer.js'
import { producerProperties } from './producer-properties.js'
import type { RecordBatch } from './record-batch.js'
import { Redelivery, reasonOf } from './redelivery.js'
import { Rejects } from './rejects.js'
import { chunkBytes, Replay } from './replay.js'
import { Sender } from './sender.js'
import { Shipment } from './shipment.js'

const sweepIntervalMs = 50
const waitWithJournalMs = 500
const askAgainMs = 10
const buryAgainMs = 5000
/** Chunks of the journal that are under way at most, within a share of the byte budget: 16 a second carry 4 MiB. */
const mostChunks = 16
const replayShare = 0.25
/** Long after socket.timeout.ms, when librdkafka sends again by itself. */
const stuckAfterMs = 75_000
const mebibyte = 2 ** 20
/** Agents are taken to be posting for that long after the last batch. */
const liveForMs = 1000
const warnEveryMs = 1000

type ProducerPurpose = { topic?: string; onStatistics?: (json: string) => void }

/**
 * Takes accepted metrics to Kafka, or to the journal when Kafka is slow or away, and says of each batch what became of it.
 */
export class Delivery {
  /** Takes metrics that failed validation, where VANTAGE_DEAD_LETTER_INVALID asks for it. */
  readonly rejects: Rejects | undefined
  readonly #config: Config
  readonly #telemetry: Telemetry
  readonly #pool: BufferPool
  readonly #logger: Logger
  readonly #partitions: Partitions
  readonly #health: KafkaHealth
  readonly #sender: Sender
  readonly #redeliverySender: Sender
  readonly #replaySender: Sender
  readonly #redelivery: Redelivery
  readonly #journal: Journal | undefined
  readonly #replay: Replay | undefined
  readonly #otherTopics: OtherTopics | undefined
  readonly #deadLetterTopic: DeadLetterTopic | undefined
  readonly #deadLetters: DeadLetters | undefined
  readonly #maxHeldBytes: number
  /** Shipments that are neither acknowledged, nor in the journal, nor given up; oldest first. */
  readonly #pending = new Set<Shipment>()
  readonly #brokers: BrokerStates
  /** Shipments on their way into the journal. */
  readonly #spills = new Set<Promise<void>>()
  readonly #redeliveryWarning: Seldom
  readonly #otherTopicWarning: Seldom
  /** Held for partitions that take no records, apart from the budget of all others. */
  #setAsideBytes = 0
  #sweeper: NodeJS.Timeout | undefined
  #stopping = false
  /** Until then, what is wrong with Kafka is not logged, but noted: most of it passes in the first moments. */
  #waitsForKafka = true
  #hasComplaint = false
  /** From then on, nothing is taken any more, and what fails does so because producers are closed. */
  #closing = false
  #lastBatchAt = -Infinity

  /** @param pool where the bytes of a batch go when it is finished */
  constructor(config: Config, telemetry: Telemetry, pool: BufferPool, logger: Logger) {
    this.#config = config
    this.#telemetry = telemetry
    this.#pool = pool
    this.#logger = logger
    this.#maxHeldBytes = config.maxInflightMb * mebibyte
    this.#redeliveryWarning = new Seldom(warnEveryMs, (records, reason) =>
      logger.warn({ records, reason }, 'Kafka did not take records; sending them again'),
    )
    this.#otherTopicWarning = new Seldom(warnEveryMs, (records, reason) =>
      logger.warn({ records, reason }, 'what the journal holds for another topic is not taken; sending it again'),
    )
    this.#brokers = new BrokerStates((broker, errors) => telemetry.count('kafkaBrokerErrors', broker, errors))
    this.#sender = new Sender(() => this.#openProducer({ onStatistics: (json) => this.#brokers.update(json) }))
    this.#redeliverySender = new Sender(() => this.#openProducer())
    this.#redelivery = new Redelivery(this.#sender, this.#redeliverySender)
    this.#replaySender = new Sender(() => this.#openProducer())
    this.#partitions = new Partitions({
      topic: config.kafkaTopic,
      partitioner: String(producerProperties(config).topic.partitioner),
      onChange: (description) => this.#logPartitions(description),
    })
    this.#health = new KafkaHealth(() => this.#sender.producer, {
      bootstrapServers: config.kafkaBootstrapServers,
      topic: config.kafkaTopic,
      partitions: this.#partitions,
      slowAfterMs: config.ackTimeoutMs,
      onChange: (status) => this.#logKafka(status),
    })
    if (config.kafkaDeadLetterTopic !== '') {
      this.#deadLetterTopic = new DeadLetterTopic(config, logger)
      if (config.deadLetterInvalid) this.rejects = new Rejects(this.#deadLetterTopic, telemetry.counts, logger)
    }
    if (config.journalDir === '') return
    const maxBytes = config.journalMaxMb * mebibyte
    this.#journal = new Journal({ directory: config.journalDir, maxBytes, topic: config.kafkaTopic }, telemetry, logger)
    this.#replay = new Replay({
      journal: this.#journal,
      sender: this.#replaySender,
      partitions: this.#partitions,
      maxChunks: Math.max(1, Math.min(mostChunks, Math.floor((this.#maxHeldBytes * replayShare) / (2 * chunkBytes)))),
      onLaunch: (shipment) => this.#hold(shipment),
      onSettled: (shipment, failed) => this.#settle(shipment, failed),
      isUp: () => this.#health.status.up && !this.#health.refuses,
      isLive: () => performance.now() - this.#lastBatchAt < liveForMs,
      onError: (error) => this.#logger.error({ err: error }, 'the journal could not be replayed; trying again'),
    })
    this.#otherTopics = new OtherTopics({
      journal: this.#journal,
      openProducer: (topic) => this.#openProducer({ topic }),
      onLaunch: (shipment) => this.#hold(shipment),
      onFinished: (shipment) => this.#finish(shipment),
      onFailed: (topic, records, reason) => this.#otherTopicWarning.add(records, `${topic}: ${reason}`),
    })
    this.#deadLetters = new DeadLetters(config, this.#journal, this.#deadLetterTopic, logger)
  }

  /**
   * Resolves once Kafka takes records, and after `waitForKafkaMs` in any case: it is waited for in the background then.
   *
   * @throws {Error} when librdkafka refuses its properties
   */
  async start(waitForKafkaMs: number): Promise<void> {
    await this.#journal?.start()
    this.#sender.open()
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs)
    // With a journal, batches get 202 all the same.
    const waitMs = this.#journal?.takes === true ? Math.min(waitForKafkaMs, waitWithJournalMs) : waitForKafkaMs
    const deadline = performance.now() + waitMs
    await this.#health.check()
    while (!this.#stopping && !this.#health.status.up && performance.now() < deadline) {
      await pause(askAgainMs)
      await this.#health.check()
    }
    if (this.#stopping) return
    this.#waitsForKafka = false
    if (this.#hasComplaint && !this.#health.status.up) this.#logKafka(this.#health.status)
    this.#health.watch()
    this.#replay?.start()
    this.#otherTopics?.start()
    this.#deadLetters?.start()
  }

  /**
   * Sends, or else journals, what was promised, within `timeoutMs`, and closes the connections. What lies in the journal
   * stays there for the next process. Resolves with false when the disk hangs, and with it a thread of this process.
   */
  async stop(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs
    this.#stopping = true
    while (this.#pending.size > 0 && this.#health.status.up && performance.now() < deadline)
      await pause(sweepIntervalMs)
    clearInterval(this.#sweeper)
    // A copy, since what can go nowhere comes back into it at once.
    for (const shipment of [...this.#pending]) this.#spill(shipment)
    await Promise.all(this.#spills)
    await this.rejects?.stop(this.#health.status.up ? Math.max(0, deadline - performance.now()) : 0)
    this.#health.stop()
    this.#partitions.stop()
    this.#closing = true
    await Promise.all([
      this.#sender.close(),
      this.#redelivery.close(),
      this.#replay?.stop(),
      this.#otherTopics?.stop(),
      this.#deadLetterTopic?.close(),
      this.#deadLetters?.stop(),
    ])
    return (await this.#journal?.stop()) ?? true
  }

  get kafka(): KafkaStatus {
    return this.#health.status
  }

  /** Undefined where there is no journal. */
  get journal(): JournalStatus | undefined {
    return this.#journal?.status
  }

  /** Whether something lies in the journal that can be sent. */
  get hasMore(): boolean {
    return this.#journal?.hasMore === true
  }

  /** What of the journal cannot be read. */
  get faults(): Fault[] {
    return this.#journal?.faults ?? []
  }

  /** Each broker that librdkafka has found, as of a few seconds ago. */
  get brokers(): BrokerState[] {
    return this.#brokers.states
  }

  /** Brings those gauges up to date that are only read when a snapshot is taken. */
  measure(): void {
    const { gauges } = this.#telemetry
    gauges.heldLimitBytes = this.#maxHeldBytes
    gauges.kafkaUp = Number(this.kafka.up)
    if (this.#journal === undefined) return
    const { usedBytes, entries, oldestMs, status } = this.#journal
    gauges.journalUp = Number(status.state !== 'unavailable')
    gauges.journalBytes = usedBytes
    gauges.journalLimitBytes = this.#config.journalMaxMb * mebibyte
    gauges.journalBatches = entries
    gauges.journalUnreadable = status.unreadable
    const firstMs = Math.min(oldestMs ?? Infinity, this.#replay?.oldestPassedMs ?? Infinity)
    gauges.journalOldestAgeSeconds = Math.max(0, Date.now() - firstMs) / 1000
  }

  /** Why a batch posted now would be deferred; undefined if it would be taken. */
  get deferral(): Deferred | undefined {
    if (this.#closing) return deferred('kafkaUnavailable', 'The collector has stopped')
    if (this.#journal?.takes === true) return undefined
    const byKafka = this.#kafkaDeferral
    if (byKafka === undefined || this.#journal === undefined) return byKafka
    const { state, message } = this.#journal.status
    return deferred(reasonOfJournal(state), `${byKafka.detail}; ${message}`)
  }

  /**
   * The bytes of the batch are the delivery's from then on. Resolves when the brokers have acknowledged it, or it is on
   * disk, or, with VANTAGE_DURABILITY=memory, at once: the outcome says which. It is never much later than the
   * acknowledgement time-out. Then, or when nothing takes the batch, it is deferred.
   */
  async deliver(batch: RecordBatch): Promise<DeliveryOutcome> {
    const { deferral } = this
    if (deferral !== undefined) {
      this.#pool.give(batch.bytes)
      return deferral
    }
    this.#lastBatchAt = performance.now()
    const byKafka = this.#kafkaDeferralOf(batch)
    const toJournal = this.#config.durability === 'journal' || byKafka !== undefined
    if (toJournal && this.#journal?.takes === true) return this.#toJournal(batch, this.#journal)
    if (byKafka === undefined || !this.#partitions.isAway(batch)) return this.#toKafka(batch)
    this.#pool.give(batch.bytes)
    return byKafka
  }

  /** Why Kafka does not take this batch, although it may take others. */
  #kafkaDeferralOf(batch: RecordBatch): Deferred | undefined {
    const byKafka = this.#kafkaDeferral
    if (byKafka !== undefined || !this.#partitions.isAway(batch)) return byKafka
    return deferred('kafkaUnavailable', `${this.#partitions.description}, and this batch belongs there`)
  }

  get #kafkaDeferral(): Deferred | undefined {
    const { up, message } = this.#health.status
    if (!up) return deferred('kafkaUnavailable', message)
    if (this.#telemetry.gauges.heldBytes < this.#maxHeldBytes) return undefined
    return deferred('overloaded', `${this.#config.maxInflightMb} MiB wait for acknowledgement`)
  }

  #toKafka(batch: RecordBatch): Promise<DeliveryOutcome> {
    const { durability, ackTimeoutMs } = this.#config
    return new Promise((resolve) => {
      const shipment = Shipment.asked(batch, performance.now() + ackTimeoutMs, resolve)
      this.#pending.add(shipment)
      this.#hold(shipment)
      void this.#send(shipment)
      if (durability === 'memory') this.#promiseInMemory(shipment)
    })
  }

  async #toJournal(batch: RecordBatch, journal: Journal): Promise<DeliveryOutcome> {
    try {
      const { metrics } = await journal.append({ batch, firstSeenMs: Date.now() })
      this.#telemetry.ledger.journaled(metrics, 'inFlight')
      this.#pool.give(batch.bytes)
      return { kind: 'taken', durability: 'journal', refused: [] }
    } catch (error) {
      // What the disk does not take, Kafka may.
      if (this.#kafkaDeferralOf(batch) === undefined) return this.#toKafka(batch)
      this.#pool.give(batch.bytes)
      if (error instanceof JournalRefusal) return deferred(reasonOfJournal(error.state), error.message)
      throw error
    }
  }

  #promiseInMemory(shipment: Shipment): void {
    this.#telemetry.ledger.promisedInMemory(shipment.metrics)
    shipment.promise('memory')
  }

  #hold(shipment: Shipment): void {
    this.#telemetry.gauges.heldBytes += shipment.heldBytes
  }

  async #send(shipment: Shipment): Promise<void> {
    const failed = await this.#sender.send(shipment.batch, { partition: this.#partitions.choose(shipment.batch) })
    void this.#settle(shipment, failed)
    if (shipment.delivered.records > 0) this.#health.acknowledged(shipment.ageMs)
  }

  /** The brokers have answered for all of the shipment. Resolves when nothing of it is on its way any more. */
  async #settle(shipment: Shipment, failed: readonly FailedRecord[]): Promise<void> {
    // What was given up because the process ends is in the journal, or has been answered.
    if (failed.length > 0 && this.#closing) return
    shipment.settle(failed)
    if (failed.length === 0 || shipment.state === 'given up') this.#finish(shipment)
    else await this.#redeliver(shipment, failed)
  }

  async #redeliver(shipment: Shipment, failed: readonly FailedRecord[]): Promise<void> {
    const [first] = failed
    const reason = first === undefined ? 'unknown' : reasonOf(shipment.batch, first)
    this.#redeliveryWarning.add(failed.length, reason)
    this.#health.refused(reason)
    if (await this.#redelivery.redeliver(shipment, failed)) this.#finish(shipment)
  }

  /** Nothing of the shipment is on its way any more: settles its metrics, its bytes and its answer. */
  #finish(shipment: Shipment): void {
    const { counts, gauges, ledger } = this.#telemetry
    const { records, metrics, bytes } = shipment.delivered
    counts.recordsAcknowledged += records
    counts.acknowledgedBytes += bytes
    counts.recordsFailed += shipment.records - records
    if (records > 0 && shipment.pooled) {
      this.#telemetry.observe('acknowledgeDurationSeconds', shipment.ageMs / 1000)
    }
    if (shipment.setAside) this.#setAsideBytes -= shipment.heldBytes
    else gauges.heldBytes -= shipment.heldBytes
    if (shipment.state === 'given up') ledger.late(metrics)
    else ledger.acknowledged(metrics, placeOf(shipment))
    if (shipment.state === 'promised') this.#keepPromise(shipment)
    this.#pending.delete(shipment)
    shipment.finished = true
    if (shipment.pooled) this.#pool.give(shipment.batch.bytes)
    shipment.acknowledge()
    this.#partitions.settled(shipment)
    if (this.#sender.idle) this.#health.released(shipment.delivered.records > 0)
  }

  /** The metrics of a 202 that was given early are with the brokers now, but for those that are dead. */
  #keepPromise(shipment: Shipment): void {
    const { entry, delivered, metrics, refused } = shipment
    if (refused.length > 0) void this.#bury(shipment, metrics - delivered.metrics)
    else if (entry !== undefined) this.#journal?.finish(entry)
  }

  /** A journaled batch leaves the journal only when its dead records are on disk elsewhere. */
  async #bury(shipment: Shipment, metrics: number): Promise<void> {
    const { ledger } = this.#telemetry
    const { entry, refused } = shipment
    const reason = refused[0]?.reason
    try {
      if (this.#deadLetters === undefined) throw new Error('There is no journal to keep them in')
      await this.#deadLetters.bury(shipment)
      ledger.buried(metrics, entry === undefined ? 'inMemory' : 'waiting')
      if (entry !== undefined) this.#journal?.finish(entry)
      this.#logger.warn({ metrics, reason }, 'Kafka refuses metrics for good; they are kept as dead letters')
    } catch (error) {
      this.#logger.error({ err: error, metrics, reason }, 'metrics that Kafka refuses for good cannot be kept')
      if (entry === undefined) {
        ledger.lost(metrics, 'inMemory')
      } else {
        await pause(buryAgainMs, undefined, { ref: false })
        if (!this.#closing) await this.#bury(shipment, metrics)
      }
    }
  }

  /**
   * librdkafka can come out of an outage with a record that it never sends again, although the brokers answer: such a
   * producer is replaced, and what it held is sent by another, perhaps a second time.
   */
  #replaceStuckProducers(): void {
    if (this.#health.answersForMs < stuckAfterMs) return
    for (const sender of [this.#sender, this.#redeliverySender, this.#replaySender, this.#deadLetterTopic]) {
      if (sender?.replaceStuck(stuckAfterMs) === true) {
        this.#logger.error(
          'a Kafka producer is stuck, although Kafka answers; it is replaced, its records are sent again',
        )
      }
    }
  }

  /** Takes shipments that have waited too long to the journal, or gives them up, so that their agents hear in time. */
  #sweep(): void {
    this.#replaceStuckProducers()
    const now = performance.now()
    const { ackTimeoutMs } = this.#config
    for (const shipment of [...this.#pending]) {
      if (shipment.deadlineMs > now) return
      // What was promised from memory has nowhere else to go, and nobody waits for it.
      if (shipment.state === 'promised' && this.#journal === undefined) continue
      const isPartial = !this.#health.refuses && this.#partitions.timedOut(shipment) && !this.#partitions.allAway
      if (now - this.#health.acknowledgedAtMs > ackTimeoutMs) this.#health.stalled(ackTimeoutMs, isPartial)
      this.#spill(shipment)
    }
  }

  /** Takes a shipment that is on its way to the journal, too; it is held there until its way has ended. */
  #spill(shipment: Shipment): void {
    this.#pending.delete(shipment)
    const spill = this.#append(shipment)
    this.#spills.add(spill)
    void spill.finally(() => this.#spills.delete(spill))
  }

  async #append(shipment: Shipment): Promise<void> {
    const { metrics, batch, firstSeenMs } = shipment
    const wasInMemory = shipment.state === 'promised'
    try {
      if (this.#journal === undefined)
        throw new JournalRefusal({ state: 'unavailable', message: 'there is no journal' })
      const entry = await this.#journal.append({ batch, firstSeenMs }, { held: true })
      if (shipment.finished) this.#journal.finish(entry)
      else {
        this.#telemetry.ledger.journaled(metrics, wasInMemory ? 'inMemory' : 'inFlight')
        shipment.journaled(entry)
      }
      this.#setAside(shipment)
    } catch (error) {
      const late = `Kafka did not acknowledge the batch within ${this.#config.ackTimeoutMs} ms`
      shipment.giveUp('ackTimeout', `${late}; ${messageOf(error)}`)
      this.#setAside(shipment)
      if (wasInMemory && !shipment.finished) this.#pending.add(shipment)
    }
  }

  /**
   * What librdkafka holds for a partition that takes no records takes nothing from the budget of the others, within as much again:
   * once a partition is away, no more is given to it.
   */
  #setAside(shipment: Shipment): void {
    if (shipment.finished || shipment.setAside || !this.#partitions.isAway(shipment.batch)) return
    if (this.#setAsideBytes + shipment.heldBytes > this.#maxHeldBytes) return
    shipment.setAside = true
    this.#setAsideBytes += shipment.heldBytes
    this.#telemetry.gauges.heldBytes -= shipment.heldBytes
  }

  #openProducer({ topic = this.#config.kafkaTopic, onStatistics }: ProducerPurpose = {}): Producer {
    return new Producer(producerProperties(this.#config), topic, {
      onConnectionError: (error) => this.#health.connectionError(error),
      onFatal: (reason) => {
        this.#logger.error({ reason }, 'a Kafka producer failed for good and is replaced; its records are sent again')
        this.#health.refused(reason)
      },
      ...(onStatistics && { onStatistics }),
    })
  }

  #logPartitions(description: string): void {
    // A partition that comes back may be the first that takes records again.
    if (!this.#partitions.allAway) this.#health.released(true)
    const instead = this.#journal?.takes === true ? 'go to the journal' : 'are answered 503'
    if (description === '') this.#logger.info('all partitions take records')
    else this.#logger.warn({ kafka: description }, `some partitions take no records; batches for them ${instead}`)
  }

  #logKafka({ up, message }: KafkaStatus): void {
    // At a good start, too, the brokers' first answers come before the producer has its id, or its topic a leader.
    if (!up && this.#waitsForKafka) {
      this.#hasComplaint = true
      return
    }
    const instead = this.#journal?.takes === true ? 'go to the journal' : 'are answered 503'
    if (up) this.#logger.info({ kafka: message }, 'Kafka takes records')
    else this.#logger.warn({ kafka: message }, `Kafka does not take records; batches ${instead}`)
  }
}

/** Where the metrics of a shipment are held whose request was not answered 503. */
function placeOf({ state, entry }: Shipment): HeldPlace {
  if (state === 'asked') return 'inFlight'
  return entry === undefined ? 'inMemory' : 'waiting'
}

function reasonOfJournal(state: JournalState): DeferralReason {
  return state === 'full' ? 'journalFull' : 'journalUnavailable'
}

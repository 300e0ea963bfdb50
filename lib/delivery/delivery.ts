import type { Config } from '../config/config.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import type { Logger } from '../shared/logger.js'
import { Seldom } from '../shared/seldom.js'
import type { BrokerState, Telemetry } from '../telemetry/telemetry.js'
import { Admission } from './admission.js'
import { Burial } from './burial.js'
import { DeadLetterTopic } from './dead-letter-topic.js'
import { DeadLetters } from './dead-letters.js'
import { HeldBytes } from './held-bytes.js'
import { type Fault, Journal, type JournalStatus } from './journal/journal.js'
import { Kafka } from './kafka.js'
import type { KafkaStatus } from './kafka-health.js'
import { OtherTopics } from './other-topics.js'
import type { Deferred, DeliveryOutcome } from './outcome.js'
import type { RecordBatch } from './record-batch.js'
import { Redelivery } from './redelivery.js'
import { RejectedDeadLetters } from './rejected-dead-letters.js'
import { chunkBytes, Replay } from './replay.js'
import { Sender } from './sender.js'
import { Shipping } from './shipping.js'
import { Spilling } from './spilling.js'
import { Watchdog } from './watchdog.js'

const waitWithJournalMs = 500
/** The most chunks of the journal that are under way, within a share of the byte budget: 16 a second carry 4 MiB. */
const mostChunks = 16
const replayShare = 0.25
const mebibyte = 2 ** 20
const warnEveryMs = 1000

/** Takes accepted metrics to Kafka, or to the journal when Kafka is slow or away, and says of each batch what became of it. */
export class Delivery {
  /** Takes rejected metrics to the dead-letter topic, where VANTAGE_DEAD_LETTER_INVALID asks for it. */
  readonly rejectedDeadLetters: RejectedDeadLetters | undefined
  readonly #telemetry: Telemetry
  readonly #pool: BufferPool
  readonly #kafka: Kafka
  readonly #journal: Journal | undefined
  readonly #held: HeldBytes
  readonly #admission: Admission
  readonly #shipping: Shipping
  readonly #spilling: Spilling
  readonly #burial: Burial
  readonly #watchdog: Watchdog
  readonly #replay: Replay | undefined
  readonly #otherTopics: OtherTopics | undefined
  readonly #deadLetterTopic: DeadLetterTopic | undefined
  readonly #deadLetters: DeadLetters | undefined
  #stopping = false

  /** @param pool where the bytes of a batch go when it is finished */
  constructor(config: Config, telemetry: Telemetry, pool: BufferPool, logger: Logger) {
    const { counts, gauges, ledger } = telemetry
    this.#telemetry = telemetry
    this.#pool = pool
    const journal = openJournal(config, telemetry, logger)
    const otherwise = () => (journal?.takes === true ? 'go to the journal' : 'are answered 503')
    const kafka = new Kafka({ config, telemetry, logger, otherwise })
    const alone = new Sender(() => kafka.openProducer())
    const redelivery = new Redelivery(kafka.sender, alone)
    const held = new HeldBytes(config.maxInflightMb * mebibyte, gauges)
    this.#journal = journal
    this.#kafka = kafka
    this.#held = held
    this.#admission = new Admission({ config, kafka, journal, held })
    this.#burial = new Burial({ config, journal, ledger, logger })
    this.#shipping = new Shipping({ config, kafka, redelivery, burial: this.#burial, held, pool, telemetry, logger })
    const { pending } = this.#shipping
    this.#spilling = new Spilling({ config, journal, pending, partitions: kafka.partitions, held, ledger })
    const replaySender = new Sender(() => kafka.openProducer())
    if (config.kafkaDeadLetterTopic !== '') this.#deadLetterTopic = new DeadLetterTopic(config, logger)
    if (this.#deadLetterTopic !== undefined && config.deadLetterInvalid) {
      this.rejectedDeadLetters = new RejectedDeadLetters(this.#deadLetterTopic, counts, logger)
    }
    this.#watchdog = new Watchdog({
      config,
      kafka,
      pending,
      spilling: this.#spilling,
      hasJournal: journal !== undefined,
      senders: [kafka.sender, alone, replaySender, ...(this.#deadLetterTopic ? [this.#deadLetterTopic] : [])],
      logger,
    })
    if (journal === undefined) return
    if (this.#deadLetterTopic !== undefined) this.#deadLetters = new DeadLetters(journal, this.#deadLetterTopic, logger)
    this.#replay = this.#createReplay(journal, replaySender, logger)
    this.#otherTopics = this.#createOtherTopics(journal, logger)
  }

  #createReplay(journal: Journal, sender: Sender, logger: Logger): Replay {
    const { partitions, health } = this.#kafka
    return new Replay({
      journal,
      sender,
      partitions,
      maxChunks: Math.max(1, Math.min(mostChunks, Math.floor((this.#held.maxBytes * replayShare) / (2 * chunkBytes)))),
      onLaunch: (shipment) => this.#held.hold(shipment),
      onSettled: (shipment, failed) => this.#shipping.settle(shipment, failed),
      isUp: () => health.status.up && !health.recordsFail,
      isLive: () => this.#admission.isLive,
      onError: (error) => logger.error({ err: error }, 'the journal could not be replayed; trying again'),
    })
  }

  #createOtherTopics(journal: Journal, logger: Logger): OtherTopics {
    const warning = new Seldom(warnEveryMs, (records, reason) =>
      logger.warn({ records, reason }, 'what the journal holds for another topic is not taken; sending it again'),
    )
    return new OtherTopics({
      journal,
      openProducer: (topic) => this.#kafka.openProducer({ topic }),
      onLaunch: (shipment) => this.#held.hold(shipment),
      onFinished: (shipment) => this.#shipping.finish(shipment),
      onFailed: (topic, records, reason) => warning.add(records, `${topic}: ${reason}`),
    })
  }

  /**
   * Resolves once Kafka takes records, and after `waitForKafkaMs` in any case; from then on it is watched in the background.
   *
   * @throws {Error} when librdkafka does not take its properties
   */
  async start(waitForKafkaMs: number): Promise<void> {
    await this.#journal?.start()
    this.#kafka.sender.open()
    this.#watchdog.start()
    // With a journal, batches get 202 all the same.
    const mostMs = this.#journal?.takes === true ? waitWithJournalMs : Infinity
    await this.#kafka.waitUntilUp(Math.min(waitForKafkaMs, mostMs))
    if (this.#stopping) return
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
    await this.#shipping.drain(deadline)
    this.#watchdog.stop()
    await this.#spilling.spillAll()
    await this.rejectedDeadLetters?.stop(this.kafka.up ? Math.max(0, deadline - performance.now()) : 0)
    this.#kafka.stop()
    this.#admission.close()
    this.#burial.stop()
    await Promise.all([
      this.#shipping.close(),
      this.#replay?.stop(),
      this.#otherTopics?.stop(),
      this.#deadLetterTopic?.close(),
      this.#deadLetters?.stop(),
    ])
    return (await this.#journal?.stop()) ?? true
  }

  get kafka(): KafkaStatus {
    return this.#kafka.health.status
  }

  /** Undefined where there is no journal. */
  get journal(): JournalStatus | undefined {
    return this.#journal?.status
  }

  /** Whether the journal holds something that can be sent. */
  get hasMore(): boolean {
    return this.#journal?.hasMore === true
  }

  /** Which parts of the journal cannot be read. */
  get faults(): Fault[] {
    return this.#journal?.faults ?? []
  }

  /** Each broker that librdkafka has found, as of a few seconds ago. */
  get brokers(): BrokerState[] {
    return this.#kafka.brokers
  }

  /** Why a batch posted now would be deferred; undefined if it would be taken. */
  get deferral(): Deferred | undefined {
    return this.#admission.deferral
  }

  /** Brings those gauges up to date that are only read when a snapshot is taken. */
  measure(): void {
    const { gauges } = this.#telemetry
    gauges.heldLimitBytes = this.#held.maxBytes
    gauges.kafkaUp = Number(this.kafka.up)
    if (this.#journal === undefined) return
    const { usedBytes, maxBytes, entries, oldestMs, status } = this.#journal
    gauges.journalUp = Number(status.state !== 'unavailable')
    gauges.journalBytes = usedBytes
    gauges.journalLimitBytes = maxBytes
    gauges.journalBatches = entries
    gauges.journalUnreadable = status.unreadable
    const firstMs = Math.min(oldestMs ?? Infinity, this.#replay?.oldestPassedMs ?? Infinity)
    gauges.journalOldestAgeSeconds = Math.max(0, Date.now() - firstMs) / 1000
  }

  /**
   * Takes the batch, whose bytes belong to the delivery from then on. Resolves when the brokers have acknowledged it, when
   * it is on disk, or, with VANTAGE_DURABILITY=memory, at once; the outcome says which. A batch is deferred when nothing
   * takes it, or the acknowledgement time-out has passed.
   */
  deliver(batch: RecordBatch): Promise<DeliveryOutcome> {
    const where = this.#admission.admit(batch)
    if (where === 'kafka') return this.#shipping.ship(batch)
    if (where === 'journal') return this.#toJournal(batch)
    this.#pool.give(batch.bytes)
    return Promise.resolve(where)
  }

  async #toJournal(batch: RecordBatch): Promise<DeliveryOutcome> {
    const outcome = await this.#spilling.journal(batch)
    // What the disk does not take, Kafka may.
    const isForKafka = outcome.kind === 'deferred' && this.#admission.kafkaDeferralOf(batch) === undefined
    if (isForKafka) return this.#shipping.ship(batch)
    this.#pool.give(batch.bytes)
    return outcome
  }
}

function openJournal(
  { journalDir, journalMaxMb, kafkaTopic }: Config,
  telemetry: Telemetry,
  logger: Logger,
): Journal | undefined {
  if (journalDir === '') return undefined
  const options = { directory: journalDir, maxBytes: journalMaxMb * mebibyte, topic: kafkaTopic }
  return new Journal(options, telemetry, logger)
}

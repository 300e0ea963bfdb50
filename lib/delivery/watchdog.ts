import type { Config } from '../config/config.js'
import type { Logger } from '../shared/logger.js'
import type { Kafka } from './kafka.js'
import type { Shipment } from './shipment.js'
import type { Spilling } from './spilling.js'

const lookEveryMs = 50
/** Long after socket.timeout.ms, when librdkafka sends again by itself. */
const stuckAfterMs = 75_000

/** What has a producer that can be replaced, as {@link Sender.replaceStuck} says. */
type Replaceable = { replaceStuck: (longerThanMs: number) => boolean }

export type WatchdogOptions = {
  config: Pick<Config, 'ackTimeoutMs'>
  kafka: Kafka
  /** Those of the shipping, oldest first. */
  pending: ReadonlySet<Shipment>
  spilling: Spilling
  hasJournal: boolean
  senders: readonly Replaceable[]
  logger: Logger
}

/** Looks after what does not end by itself: shipments that wait too long, and producers that are stuck. */
export class Watchdog {
  readonly #options: WatchdogOptions
  #timer: NodeJS.Timeout | undefined

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#replaceStuckProducers()
      this.#spillLate()
    }, lookEveryMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /**
   * librdkafka can come out of an outage with a record that it never sends again, although the brokers answer: such a
   * producer is replaced, and what it held is sent by another, perhaps a second time.
   */
  #replaceStuckProducers(): void {
    const { kafka, senders, logger } = this.#options
    if (kafka.health.answersForMs < stuckAfterMs) return
    for (const sender of senders) {
      if (!sender.replaceStuck(stuckAfterMs)) continue
      logger.error('a Kafka producer is stuck, although Kafka answers; it is replaced, its records are sent again')
    }
  }

  /** Takes shipments that have waited too long to the journal, or defers them, so that their agents hear in time. */
  #spillLate(): void {
    const now = performance.now()
    const { pending, spilling, hasJournal } = this.#options
    for (const shipment of [...pending]) {
      if (shipment.deadlineMs > now) return
      // What was promised from memory has nowhere else to go, and no agent waits for it.
      if (shipment.state === 'promised' && !hasJournal) continue
      this.#noteLate(shipment, now)
      spilling.spill(shipment)
    }
  }

  #noteLate(shipment: Shipment, now: number): void {
    const { health, partitions } = this.#options.kafka
    const { ackTimeoutMs } = this.#options.config
    const isPartial = !health.recordsFail && partitions.timedOut(shipment) && !partitions.allAway
    if (now - health.acknowledgedAtMs > ackTimeoutMs) health.stalled(ackTimeoutMs, isPartial)
  }
}

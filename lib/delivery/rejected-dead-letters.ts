import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../shared/errors.js'
import type { Logger } from '../shared/logger.js'
import { Seldom } from '../shared/seldom.js'
import type { Counts } from '../telemetry/telemetry.js'
import type { DeadLetter, DeadLetterTopic } from './dead-letter-topic.js'

/** A budget of their own, so that they take nothing from the metrics that were accepted. */
const maxHeldBytes = 16 * 2 ** 20
/** What a dead letter costs beside its value: the object, its headers, and librdkafka's for a while. */
const overheadBytesEach = 512
const warnEveryMs = 60_000

/**
 * Rejected metrics on their way to the dead-letter topic. Their agents know that they are rejected, and nothing was
 * promised: they wait in memory while Kafka is away, and what there is no room for, or the topic does not take, is counted
 * and dropped. The disk is for what was promised, and a faulty agent could fill it.
 */
export class RejectedDeadLetters {
  readonly #topic: DeadLetterTopic
  readonly #counts: Pick<Counts, 'rejectedDeadLetters' | 'rejectedDeadLettersDropped'>
  readonly #warning: Seldom
  #waiting: DeadLetter[] = []
  #heldBytes = 0
  #sending: Promise<void> | undefined

  constructor(
    topic: DeadLetterTopic,
    counts: Pick<Counts, 'rejectedDeadLetters' | 'rejectedDeadLettersDropped'>,
    logger: Logger,
  ) {
    this.#topic = topic
    this.#counts = counts
    this.#warning = new Seldom(warnEveryMs, (metrics, reason) =>
      logger.warn({ topic: topic.name, metrics, reason }, 'rejected metrics are not in the dead-letter topic'),
    )
  }

  /** Takes all of them, or none where there is no room. */
  keep(deadLetters: readonly DeadLetter[]): void {
    if (deadLetters.length === 0) return
    const heldBytes = this.#heldBytes + bytesOf(deadLetters)
    if (heldBytes > maxHeldBytes) {
      this.#drop(deadLetters.length, 'as many wait for Kafka as may')
      return
    }
    this.#heldBytes = heldBytes
    for (const deadLetter of deadLetters) this.#waiting.push(deadLetter)
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  /** Waits for what is on its way, at most for so long. The rest is dropped when the topic is closed. */
  async stop(timeoutMs: number): Promise<void> {
    await Promise.race([this.#sending, pause(timeoutMs, undefined, { ref: false })])
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const deadLetters = this.#waiting
      this.#waiting = []
      await this.#send(deadLetters)
      this.#heldBytes -= bytesOf(deadLetters)
    }
  }

  async #send(deadLetters: readonly DeadLetter[]): Promise<void> {
    try {
      const failed = await this.#topic.send(deadLetters)
      if (failed === undefined) {
        this.#drop(deadLetters.length, 'the collector stops')
        return
      }
      this.#counts.rejectedDeadLetters += deadLetters.length - failed.size
      const [reason] = failed.values()
      if (reason !== undefined) this.#drop(failed.size, reason)
    } catch (error) {
      this.#drop(deadLetters.length, messageOf(error))
    }
  }

  #drop(metrics: number, reason: string): void {
    this.#counts.rejectedDeadLettersDropped += metrics
    this.#warning.add(metrics, reason)
  }
}

function bytesOf(deadLetters: readonly DeadLetter[]): number {
  return deadLetters.reduce((sum, { value }) => sum + value.length + overheadBytesEach, 0)
}

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Config } from '../shared/config.js'
import type { Logger } from '../shared/logger.js'
import type { DeadRecord } from './journal/dead-space.js'
import { type ProduceResult, Producer } from './producer.js'
import { producerProperties } from './producer-properties.js'

/** A record for the dead-letter topic; its headers say why it is there. */
export type DeadLetter = Pick<DeadRecord, 'reason' | 'errorCode' | 'firstSeenMs' | 'topic'> & {
  key: Buffer | undefined
  value: Buffer
}

const flushSliceMs = 100
/** Records with headers cost some 5 us each; live requests come in between. */
const lettersATurn = 100

/** VANTAGE_KAFKA_DEAD_LETTER_TOPIC, with a producer of its own that is started with the first letter. */
export class DeadLetterTopic {
  readonly #config: Config
  readonly #logger: Logger
  #producer: Producer | undefined
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(config: Config, logger: Logger) {
    this.#config = config
    this.#logger = logger
  }

  get name(): string {
    return this.#config.kafkaDeadLetterTopic
  }

  /**
   * Waits, without limit, until each letter is in the topic or has failed. Resolves with the reasons of those that
   * failed, by their place; with undefined when the topic was closed before that. One lot at a time, in the order of
   * the calls.
   */
  send(letters: readonly DeadLetter[]): Promise<ReadonlyMap<number, string> | undefined> {
    const done = this.#last.then(() => (this.#closed ? undefined : this.#send(letters)))
    this.#last = Promise.allSettled([done])
    return done
  }

  /** Gives up what is on its way. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    await this.#producer?.close()
  }

  async #send(letters: readonly DeadLetter[]): Promise<Map<number, string> | undefined> {
    const producer = await this.#openOrReplace()
    const failed = new Map<number, string>()
    for (const [n, letter] of letters.entries()) {
      if (n % lettersATurn === lettersATurn - 1) await nextTurn()
      const result = await this.#queue(producer, letter)
      if (typeof result === 'object') failed.set(n, result.refused)
    }
    while (!(await producer.flush(flushSliceMs))) if (this.#closed) return undefined
    const failures = await producer.takeFailures()
    if (failures.length === 0) return failed
    const reasons = new Map(failures.map(({ value, reason }) => [value.toString('latin1'), reason]))
    for (const [n, { value }] of letters.entries()) {
      const reason = reasons.get(value.toString('latin1'))
      if (reason !== undefined) failed.set(n, reason)
    }
    return failed
  }

  /** Waits while librdkafka's queue is full; 'full' when closed meanwhile. */
  async #queue(producer: Producer, letter: DeadLetter): Promise<ProduceResult> {
    for (;;) {
      const result = producer.produceWithHeaders(letter.value, letter.key, headersOf(letter))
      if (result !== 'full' || this.#closed) return result
      await producer.flush(flushSliceMs)
    }
  }

  async #openOrReplace(): Promise<Producer> {
    if (this.#producer?.failed === true) {
      await this.#producer.close()
      this.#producer = undefined
    }
    this.#producer ??= await Producer.start(producerProperties(this.#config), this.name, {
      onConnectionError: () => undefined,
      onFatal: () => this.#logger.error('the Kafka producer of dead letters failed for good and is replaced'),
    })
    return this.#producer
  }
}

function headersOf({ reason, errorCode, firstSeenMs, topic }: DeadLetter): Record<string, string> {
  return {
    'vantage-reason': reason,
    'vantage-error-code': errorCode,
    'vantage-first-seen': new Date(firstSeenMs).toISOString(),
    'vantage-source': topic,
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { InTurn } from '../shared/in-turn.js'
import type { Logger } from '../shared/logger.js'
import type { DeadRecord } from './journal/dead-space.js'
import { type FailedRecord, Producer } from './producer.js'
import { producerProperties } from './producer-properties.js'
import { Sender } from './sender.js'

/** A record for the dead-letter topic; its headers say why it is there. */
export type DeadLetter = Pick<DeadRecord, 'reason' | 'errorCode' | 'firstSeenMs' | 'topic'> & {
  key: Buffer | undefined
  value: Buffer
}

/** Records with headers cost some 5 us each; live requests come in between. */
const deadLettersAtATime = 100
const pauseBetweenTriesMs = 50

/** VANTAGE_KAFKA_DEAD_LETTER_TOPIC, with a producer of its own that is started with the first dead letter. */
export class DeadLetterTopic {
  readonly name: string
  readonly #sender: Sender
  readonly #turns = new InTurn()
  #closed = false

  constructor(config: Config, logger: Logger) {
    this.name = config.kafkaDeadLetterTopic
    this.#sender = new Sender(
      () =>
        new Producer(producerProperties(config), this.name, {
          onConnectionError: () => undefined,
          onFatal: () => logger.error('the Kafka producer of dead letters failed for good and is replaced'),
        }),
    )
  }

  /**
   * Waits, without limit, until each dead letter is in the topic or has failed. Resolves with the reasons of those that
   * failed, by their place; with undefined when the topic was closed before that. One lot at a time, in the order of
   * the calls.
   */
  send(deadLetters: readonly DeadLetter[]): Promise<ReadonlyMap<number, string> | undefined> {
    return this.#turns.run(() => this.#send(deadLetters))
  }

  /** As {@link Sender.replaceStuck}. */
  replaceStuck(longerThanMs: number): boolean {
    return this.#sender.replaceStuck(longerThanMs)
  }

  /** Gives up what is on its way. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#sender.close()
    await this.#turns.run(async () => undefined)
  }

  async #send(deadLetters: readonly DeadLetter[]): Promise<Map<number, string> | undefined> {
    const reasons = new Map<number, string>()
    for (let first = 0; first < deadLetters.length; first += deadLettersAtATime) {
      const lot = deadLetters.slice(first, first + deadLettersAtATime)
      const refused = await Promise.all(lot.map((deadLetter) => this.#sendOne(deadLetter)))
      for (const [n, deadLetter] of lot.entries()) {
        // Good ones are refused in bad company, too.
        const alone = refused[n] && (await this.#sendOne(deadLetter))
        if (alone !== undefined) reasons.set(first + n, alone.reason)
      }
    }
    return this.#closed ? undefined : reasons
  }

  /** Sends it until the brokers take it or refuse it, or the topic is closed. */
  async #sendOne(deadLetter: DeadLetter): Promise<FailedRecord | undefined> {
    while (!this.#closed) {
      const [failed] = await this.#sender.producer.sendWithHeaders(
        deadLetter.value,
        deadLetter.key,
        headersOf(deadLetter),
      )
      if (failed === undefined || failed.forGood) return failed
      await pause(pauseBetweenTriesMs)
    }
    return undefined
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

import { setTimeout as pause } from 'node:timers/promises'
import type { ConnectionError } from './connection-error.js'
import type { TopicState } from './native/binding.js'
import type { Partitions } from './partitions.js'
import type { Producer } from './producer.js'

const probeIntervalMs = 1000
const probeTimeoutMs = 900
/** librdkafka counts its time-outs by the wall clock: where that is set back, they do not come. */
const probeHangsAfterMs = 2000
const retryIntervalMs = 100
/** Acknowledgements say nothing of partitions that no batch went to. */
const askAtLeastEveryMs = 5000
/** Brokers that answer may take no record nevertheless: so often one batch has to find out. */
const tryFailingEveryMs = 5000
/** While Kafka has not answered yet, so many questions may fail before that is reported without a reason. */
const maxUnexplained = 3

/** `partial`: some partitions take records, others do not. */
export type KafkaStatus = { up: boolean; message: string; partial?: boolean }

export type KafkaHealthOptions = {
  bootstrapServers: string
  topic: string
  partitions: Partitions
  /** An acknowledgement that took longer than this does not show that Kafka is well again. */
  slowAfterMs: number
  /** Called whenever `up` or the message of a failure changes. */
  onChange: (status: KafkaStatus) => void
}

/**
 * Whether Kafka takes records, from what it has shown: acknowledgements, or while there are none an answered question
 * about the topic once a second. A connection that merely stands open counts for nothing.
 */
export class KafkaHealth {
  readonly #producer: () => Producer
  readonly #options: KafkaHealthOptions
  #status: KafkaStatus = { up: false, message: 'Not connected yet' }
  #acknowledgedAt = -Infinity
  #answersSince = Infinity
  #askedAt = -Infinity
  /** Until then, answers do not show that records are taken. */
  #stalledUntil = -Infinity
  #error: ConnectionError | undefined
  /** Why records have failed since the last acknowledgement. */
  #failure: string | undefined
  /** Questions that failed before a reason was known. */
  #unexplained = 0
  #timer: NodeJS.Timeout | undefined
  /** Each holds a thread, so that there is one at most. */
  #question: Promise<TopicState> | undefined

  /** @param producer gives the one to ask through, which changes when it is replaced */
  constructor(producer: () => Producer, options: KafkaHealthOptions) {
    this.#producer = producer
    this.#options = options
  }

  get status(): KafkaStatus {
    const { someAway, description } = this.#options.partitions
    return this.#status.up && someAway ? { up: true, message: description, partial: true } : this.#status
  }

  /** Whether records have failed since the brokers last acknowledged some. */
  get recordsFail(): boolean {
    return this.#failure !== undefined
  }

  /** When the brokers last acknowledged something, on the clock of performance.now(). */
  get acknowledgedAtMs(): number {
    return this.#acknowledgedAt
  }

  /** For how long each partition has had a leader whenever the brokers were asked; negative when they do not answer. */
  get answersForMs(): number {
    return performance.now() - this.#answersSince
  }

  /** Asks the brokers from now on, whenever there are no acknowledgements to tell. */
  watch(): void {
    const intervalMs = this.#status.up ? probeIntervalMs : retryIntervalMs
    this.#timer = setTimeout(async () => {
      await this.check()
      if (this.#timer !== undefined) this.watch()
    }, intervalMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** The brokers have acknowledged something `tookMs` after it was sent. */
  acknowledged(tookMs: number): void {
    // Otherwise brokers that answer, but too late, would have batches wait in vain again and again.
    if (!this.#status.up && tookMs > this.#options.slowAfterMs) return
    this.#acknowledgedAt = performance.now()
    this.#stalledUntil = -Infinity
    this.#failure = undefined
    this.#set(true, 'Acknowledges')
  }

  /**
   * Something has waited too long. Only an acknowledgement in time, or `released`, lifts that; where other partitions may be well
   * (`partial`), the next answer does.
   */
  stalled(waitedMs: number, partial: boolean): void {
    this.#stalledUntil = partial ? performance.now() : Infinity
    this.#set(false, `No acknowledgement for ${waitedMs} ms${this.#because(this.#failure)}`)
  }

  /**
   * Nothing waits for an acknowledgement any more, so that only asking can tell: at once, if what waited last was
   * `acknowledged`.
   */
  released(acknowledged: boolean): void {
    if (this.#stalledUntil === Infinity) this.#stalledUntil = performance.now() + (acknowledged ? 0 : tryFailingEveryMs)
  }

  /** Notes why a connection failed, to explain that Kafka is away: the first reason, or the last that is there to stay. */
  connectionError(error: ConnectionError): void {
    if (this.#error === undefined || error.lasting) this.#error = error
  }

  /** Notes why records were not taken, which may be so although the brokers answer. */
  recordsFailed(reason: string): void {
    this.#failure = reason
  }

  /** Asks the brokers once, unless their acknowledgements are answer enough. */
  async check(): Promise<void> {
    const now = performance.now()
    const acknowledges = now - this.#acknowledgedAt < probeIntervalMs
    const { partitions } = this.#options
    const askEveryMs = partitions.someAway ? probeIntervalMs : askAtLeastEveryMs
    if (acknowledges && now - this.#askedAt < askEveryMs) return
    this.#askedAt = now
    try {
      const topic = await this.#ask()
      partitions.describe(topic)
      const complete = topic.partitions > 0 && topic.leaderless.length === 0
      this.#answersSince = complete ? Math.min(this.#answersSince, now) : Infinity
      if (now > this.#stalledUntil && !acknowledges) this.#judge(topic)
    } catch {
      this.#answersSince = Infinity
      if (!acknowledges) this.#noAnswer()
    }
  }

  /** @throws {Error} when no broker answers in time */
  async #ask(): Promise<TopicState> {
    this.#question ??= this.#producer()
      .describeTopic(probeTimeoutMs)
      .finally(() => {
        this.#question = undefined
      })
    const late = pause(probeHangsAfterMs, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer')))
    return Promise.race([this.#question, late])
  }

  #noAnswer(): void {
    // The reason a question gives is always a time-out; that of the connection error says more, and may come later.
    const waitsForReason = !this.#status.up && this.#error === undefined && this.#unexplained++ < maxUnexplained
    if (!waitsForReason) this.#set(false, `No broker of ${this.#options.bootstrapServers} answers${this.#because()}`)
  }

  #judge({ partitions, leaderless, error }: TopicState): void {
    const { topic } = this.#options
    if (error === 'TOPIC_AUTHORIZATION_FAILED') {
      const may = 'it needs the operations Describe and Write on that topic (kafka-acls.sh --producer)'
      this.#set(false, `Kafka does not let this client use topic ${topic}: ${may}`)
    } else if (partitions === 0) this.#set(false, `Topic ${topic} does not exist`)
    else if (leaderless.length === partitions) this.#set(false, `No partition of ${topic} has a leader`)
    else if (this.#options.partitions.allAway) this.#set(false, this.#options.partitions.description)
    else if (!this.#status.up && !this.#producer().identified) {
      this.#set(
        false,
        `Kafka has not given this producer an id yet, which it needs to send${this.#because(this.#failure)}`,
      )
    } else {
      this.#error = undefined
      this.#unexplained = 0
      this.#set(true, `Topic ${topic} has ${partitions} partitions`)
    }
  }

  #because(reason = this.#error?.message): string {
    return reason === undefined ? '' : ` (${reason})`
  }

  #set(up: boolean, message: string): void {
    const changed = up !== this.#status.up
    if (!changed && message === this.#status.message) return
    this.#status = { up, message }
    if (changed || !up) this.#options.onChange(this.#status)
  }
}

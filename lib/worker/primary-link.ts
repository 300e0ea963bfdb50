import type { RateRequest, RateVerdict } from '../config/rate-limits.js'
import { Problem } from '../shared/errors.js'
import type { CollectorStats } from '../telemetry/collector-stats.js'
import { heartbeatIntervalMs, type PrimaryMessage, type WorkerMessage } from '../telemetry/messages.js'
import type { WorkerSnapshot } from '../telemetry/telemetry.js'

export type PrimaryLinkOptions = {
  snapshot: () => WorkerSnapshot
  /** The primary wants this worker to finish, or is gone. */
  onDrain: (reason: string) => void
}

const statsTimeoutMs = 2000
/** A primary that is so late with a sum is stuck. */
const rateTimeoutMs = 500

/** The worker's end of the channel to the primary. */
export class PrimaryLink {
  readonly #options: PrimaryLinkOptions
  readonly #stats = new Questions<CollectorStats>(statsTimeoutMs)
  readonly #rates = new Questions<RateVerdict[]>(rateTimeoutMs)
  #heartbeat: NodeJS.Timeout | undefined

  constructor(options: PrimaryLinkOptions) {
    this.#options = options
  }

  start(): void {
    process.on('message', (message: PrimaryMessage) => this.#receive(message))
    process.once('disconnect', () => this.#options.onDrain('the primary is gone'))
    this.#heartbeat = setInterval(() => this.#sendSnapshot(null), heartbeatIntervalMs)
  }

  /** Tells the primary the last figures, so that none are missing from its sums when this process has gone. */
  stop(): void {
    clearInterval(this.#heartbeat)
    this.#sendSnapshot(null)
  }

  listening(): void {
    this.#send({ type: 'listening' })
  }

  /** @throws {Problem} VANTAGE_STATS_UNAVAILABLE when the primary does not answer in time */
  stats(): Promise<CollectorStats> {
    return this.#stats.ask((id) => this.#send({ type: 'stats-request', id }))
  }

  /**
   * Takes these from what their clients may send.
   *
   * @throws {Problem} VANTAGE_STATS_UNAVAILABLE when the primary does not answer in time
   */
  takeRates(requests: RateRequest[]): Promise<RateVerdict[]> {
    return this.#rates.ask((id) => this.#send({ type: 'rate-requests', id, requests }))
  }

  #receive(message: PrimaryMessage): void {
    switch (message.type) {
      case 'snapshot-request':
        this.#sendSnapshot(message.id)
        break
      case 'stats':
        this.#stats.settle(message.id, message.stats)
        break
      case 'rate-verdicts':
        this.#rates.settle(message.id, message.verdicts)
        break
      case 'drain':
        this.#options.onDrain('the primary asks')
    }
  }

  #sendSnapshot(id: number | null): void {
    this.#send({ type: 'snapshot', id, snapshot: this.#options.snapshot() })
  }

  #send(message: WorkerMessage): void {
    if (!process.connected) return
    process.send?.(message, undefined, undefined, (error) => {
      if (error !== null) this.#options.onDrain('the primary is gone')
    })
  }
}

/** Questions to the primary of one kind that wait for their answers. */
class Questions<T> {
  readonly #timeoutMs: number
  readonly #waiting = new Map<number, (answer: T) => void>()
  #lastId = 0

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** @throws {Problem} VANTAGE_STATS_UNAVAILABLE when there is no answer in time */
  ask(send: (id: number) => void): Promise<T> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new Problem('VANTAGE_STATS_UNAVAILABLE', `The primary did not answer within ${this.#timeoutMs} ms`))
      }, this.#timeoutMs)
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(answer)
      })
      send(id)
    })
  }

  settle(id: number, answer: T): void {
    this.#waiting.get(id)?.(answer)
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import { batchOf } from '../../tools/batches.js'
import type { Collector, Reply } from '../../tools/collector.js'

export type LoadOptions = {
  connections: number
  batchSize: number
  /** Pause of each connection between an answer and the next batch. */
  pauseMs?: number
  headers?: Record<string, string>
}

/** Agents that post batch after batch, each on its own connection and for its own service, ids never used twice. */
export class Load {
  /** Ids of the metrics that were answered 202. */
  readonly accepted = new Set<number>()
  /** Everything else that came back: answers, and connections that broke. */
  readonly others: (Reply | Error)[] = []
  /** Sent with each batch from now on. */
  headers: Record<string, string>
  readonly #agents: Promise<void>[]
  #running = true
  #nextId = 0

  constructor(collector: Collector, options: LoadOptions) {
    this.headers = options.headers ?? {}
    this.#agents = Array.from({ length: options.connections }, (_, n) =>
      this.#agent(collector, `service-${n}`, options),
    )
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#agents)
  }

  get statuses(): (number | string)[] {
    return [...new Set(this.others.map((other) => (other instanceof Error ? String(other.cause) : other.status)))]
  }

  async #agent(collector: Collector, service: string, { batchSize, pauseMs = 0 }: LoadOptions): Promise<void> {
    while (this.#running) {
      const first = this.#nextId
      this.#nextId += batchSize
      try {
        const reply = await collector.post(batchOf(batchSize, { service, first }), this.headers)
        if (reply.status !== 202) this.others.push(reply)
        else for (let id = first; id < first + batchSize; id++) this.accepted.add(id)
      } catch (error) {
        this.others.push(error instanceof Error ? error : new Error(String(error)))
        // A collector that takes no connection would be asked a thousand times a second.
        await pause(10)
      }
      if (pauseMs > 0) await pause(pauseMs)
    }
  }
}

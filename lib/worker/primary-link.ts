import { Problem } from '../shared/errors.js'
import type { FleetStats } from '../shared/fleet-stats.js'
import { heartbeatIntervalMs, type PrimaryMessage, type WorkerMessage } from '../shared/messages.js'
import type { WorkerSnapshot } from '../shared/telemetry.js'

export type PrimaryLinkOptions = {
  snapshot: () => WorkerSnapshot
  /** The primary wants this worker to finish, or is gone. */
  onDrain: (reason: string) => void
}

const fleetTimeoutMs = 2000

/** The worker's end of the channel to the primary. */
export class PrimaryLink {
  readonly #options: PrimaryLinkOptions
  readonly #requests = new Map<number, (fleet: FleetStats) => void>()
  #heartbeat: NodeJS.Timeout | undefined
  #lastId = 0

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

  /** @throws {Problem} VANTAGE_FLEET_UNAVAILABLE when the primary does not answer in time */
  fleet(): Promise<FleetStats> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(id)
        reject(new Problem('VANTAGE_FLEET_UNAVAILABLE', `The primary did not answer within ${fleetTimeoutMs} ms`))
      }, fleetTimeoutMs)
      this.#requests.set(id, (fleet) => {
        clearTimeout(timer)
        this.#requests.delete(id)
        resolve(fleet)
      })
      this.#send({ type: 'fleet-request', id })
    })
  }

  #receive(message: PrimaryMessage): void {
    switch (message.type) {
      case 'snapshot-request':
        this.#sendSnapshot(message.id)
        break
      case 'fleet':
        this.#requests.get(message.id)?.(message.fleet)
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

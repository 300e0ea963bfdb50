import type { Lane, LaneResult } from './lane.js'
import type { Shipment } from './shipment.js'

/** Told when a lane has flushed, and how long that took: every record of these shipments is acknowledged or has failed. */
export type OnFlushed = (results: LaneResult[], tookMs: number) => void

/**
 * How many lanes may flush at a time, while one more fills. With one, a core is idle between a flush and the next: at
 * batches of 100, two carry 8 % more metrics a second, and the median of a batch's wait is 10 % shorter
 * (bench/NOTES.md).
 */
const maxFlushing = 2

/**
 * Takes turns: one lane fills while others flush. A lane is sealed as soon as fewer than `maxFlushing` are being
 * flushed, so an idle server answers in about one round trip to the brokers; under load the flushes in flight decide
 * how much the next gathers.
 */
export class Lanes {
  readonly #openLane: () => Promise<Lane>
  readonly #onFlushed: OnFlushed
  /** Lanes that are not being flushed; the first one fills. */
  readonly #ready: Lane[] = []
  readonly #flushing = new Set<Lane>()
  /** Shipments for which no lane is free. */
  #waiting: Shipment[] = []
  #sealing = false
  #closed = false

  constructor(openLane: () => Promise<Lane>, onFlushed: OnFlushed) {
    this.#openLane = openLane
    this.#onFlushed = onFlushed
  }

  /** How many lanes there are, and how many of them wait for acknowledgements. */
  get state(): { lanes: number; flushing: number } {
    return { lanes: this.#ready.length + this.#flushing.size, flushing: this.#flushing.size }
  }

  async open(): Promise<void> {
    this.#ready.push(...(await Promise.all(Array.from({ length: maxFlushing + 1 }, this.#openLane))))
  }

  carry(shipment: Shipment): void {
    const [filling] = this.#ready
    if (filling === undefined) this.#waiting.push(shipment)
    else filling.add(shipment)
    this.#sealSoon()
  }

  /** Gives up what is on its way. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#ready, ...this.#flushing].map((lane) => lane.close()))
  }

  /** Seals at the end of this turn of the event loop, so that requests which arrived together go together. */
  #sealSoon(): void {
    if (this.#sealing || this.#flushing.size >= maxFlushing) return
    this.#sealing = true
    setImmediate(() => {
      this.#sealing = false
      this.#seal()
    })
  }

  #seal(): void {
    const [lane] = this.#ready
    if (lane === undefined || lane.empty || this.#flushing.size >= maxFlushing) return
    this.#ready.shift()
    this.#flushing.add(lane)
    void this.#flush(lane)
  }

  async #flush(lane: Lane): Promise<void> {
    const startedAt = performance.now()
    const results = await lane.flush()
    const tookMs = performance.now() - startedAt
    // A closed lane has no results, and is as full as before.
    if (this.#closed) return
    this.#flushing.delete(lane)
    if (lane.broken) void this.#replace(lane)
    else this.#makeReady(lane)
    this.#seal()
    this.#onFlushed(results, tookMs)
  }

  #makeReady(lane: Lane): void {
    this.#ready.push(lane)
    const waiting = this.#waiting
    this.#waiting = []
    for (const shipment of waiting) this.carry(shipment)
  }

  async #replace(broken: Lane): Promise<void> {
    this.#makeReady(await this.#openLane())
    await broken.close()
  }
}

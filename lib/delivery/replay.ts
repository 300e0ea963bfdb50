import { setTimeout as pause } from 'node:timers/promises'
import type { Journal } from './journal/journal.js'
import type { TakenEntry } from './journal/log.js'
import type { FailedRecord } from './producer.js'
import type { Sender } from './sender.js'
import { Shipment } from './shipment.js'

export type ReplayOptions = {
  journal: Journal
  sender: Sender
  /** Told of each shipment that is sent. */
  onLaunch: (shipment: Shipment) => void
  /**
   * Told when the brokers have answered for all of a shipment, and what failed of it. Resolves when nothing of it is on its
   * way any more.
   */
  onSettled: (shipment: Shipment, failed: readonly FailedRecord[]) => Promise<void>
  /** Whether agents are posting at the moment, whose latency matters more. */
  isLive: () => boolean
  onError: (error: unknown) => void
}

/** What is sent at a time: large enough for the brokers' throughput, small enough not to stand in the way. */
const chunkBytes = 256 * 1024
/** Three quarters of the time are for those who wait for an answer. */
const pausePerTime = 3
const idlePollMs = 50
/** A chunk that was under way when the brokers went has taken as long as they were away. */
const maxPauseMs = 50
const pauseAfterErrorMs = 1000
/** How long the chunk that is under way may take when the process stops, so that it is not sent twice. */
const lastChunkMs = 1000

/**
 * Takes what lies in the journal to Kafka, oldest first, one chunk at a time. While the brokers are away, or refuse it, the
 * chunk under way waits, and with it the rest: so memory holds one chunk, and replay goes on by itself when all is well.
 */
export class Replay {
  readonly #options: ReplayOptions
  #running: Promise<void> | undefined
  #stopping = false

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.race([this.#running, pause(lastChunkMs, undefined, { ref: false })])
    await this.#options.sender.close()
    // A disk that hangs may not have answered.
    await Promise.race([this.#running, pause(lastChunkMs, undefined, { ref: false })])
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const taken = await this.#options.journal.take(chunkBytes)
        if (taken.length === 0) await pause(idlePollMs)
        else if (!this.#stopping) await this.#send(taken)
      } catch (error) {
        this.#options.onError(error)
        await pause(pauseAfterErrorMs)
      }
    }
  }

  async #send(taken: readonly TakenEntry[]): Promise<void> {
    const startedAt = performance.now()
    await Promise.all(taken.map((entry) => this.#sendOne(entry)))
    if (!this.#options.isLive() || this.#stopping) return
    await pause(Math.min(pausePerTime * (performance.now() - startedAt), maxPauseMs))
  }

  async #sendOne({ ref, entry }: TakenEntry): Promise<void> {
    const { sender, onLaunch, onSettled } = this.#options
    const shipment = Shipment.promised(entry.batch, entry.firstSeenMs, ref)
    onLaunch(shipment)
    await onSettled(shipment, await sender.send(shipment.batch))
  }
}

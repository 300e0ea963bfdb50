import { setTimeout as pause } from 'node:timers/promises'
import { type Journal, NotJournaled, type TakenEntry } from './journal/journal.js'
import type { Partitions } from './partitions.js'
import type { FailedRecord } from './producer.js'
import type { Sender } from './sender.js'
import { Shipment } from './shipment.js'

export type ReplayOptions = {
  journal: Journal
  sender: Sender
  partitions: Partitions
  /** Most chunks under way. */
  maxChunks: number
  /** Called with each shipment that is sent. */
  onLaunch: (shipment: Shipment) => void
  /**
   * Called when the brokers have answered for all of a shipment, with what failed of it. Resolves when nothing of it is on
   * its way any more.
   */
  onSettled: (shipment: Shipment, failed: readonly FailedRecord[]) => Promise<void>
  /** Whether the brokers answer, and records do not fail. */
  isUp: () => boolean
  /** Whether agents are posting at the moment, whose latency matters more. */
  isLive: () => boolean
  onError: (error: unknown) => void
}

/** What is sent at a time: large enough for the brokers' throughput, small enough not to stand in the way. */
export const chunkBytes = 256 * 1024
/** Three quarters of the time are for requests that wait for an answer. */
const pausePerTime = 3
const idlePollMs = 50
/** A chunk that takes longer is slow, and the next one does not wait for it. */
const patienceMs = 50
const maxPauseMs = 50
const pauseAfterErrorMs = 1000
/** How long what is under way may take when the process stops, so that it is not sent twice. */
const lastChunksMs = 1000
/** Longer than brokers take that are only slow: after that, what is under way shows that its partition takes no records. */
const silentAfterMs = 10_000
/** Passing over writes what it passes over once more, so it takes its time. */
const pauseAfterPassingMs = 100
/** Where nothing is left that can be sent, and no partition has come back. */
const passAgainAfterMs = 5000

/** What was taken from the journal at a time, and is not settled. */
type Chunk = { readonly open: Set<Shipment>; readonly startedAtMs: number }

/**
 * Takes what lies in the journal to Kafka, oldest first, a chunk at a time. Where the brokers are slow, further chunks follow before the
 * first is settled, more with each one that is; while they are away, those wait that are under way, and with them the rest: memory
 * holds no more, and replay goes on by itself when all is well.
 *
 * Entries for partitions that take no records are passed over: they are written once more, at the end of the journal, so that neither
 * memory nor a restart depends on how many there are.
 */
export class Replay {
  readonly #options: ReplayOptions
  readonly #chunks = new Set<Chunk>()
  #allowedChunks = 1
  /** Bytes passed over since something could be sent. */
  #passedBytes = 0
  #oldestPassedMs = Infinity
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
    await Promise.race([this.#running, pause(lastChunksMs, undefined, { ref: false })])
    await this.#options.sender.close()
    // A disk that hangs may not have answered.
    await Promise.race([this.#running, pause(lastChunksMs, undefined, { ref: false })])
  }

  /** When the oldest batch came that was passed over and may still wait, in Unix ms: it may stand behind younger ones. */
  get oldestPassedMs(): number {
    if (!this.#options.partitions.someAway) this.#oldestPassedMs = Infinity
    return this.#oldestPassedMs
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const taken = this.#hasRoom ? await this.#options.journal.take(chunkBytes) : []
        if (taken.length === 0) await pause(idlePollMs)
        else if (!this.#stopping) await this.#handle(taken)
      } catch (error) {
        this.#options.onError(error)
        await pause(pauseAfterErrorMs)
      }
    }
    while (this.#chunks.size > 0) await pause(idlePollMs)
  }

  /** Chunks of which only entries for absent partitions are left do not count: librdkafka holds these until they are back. */
  get #hasRoom(): boolean {
    const { partitions, isUp } = this.#options
    const silentSinceMs = isUp() ? performance.now() - silentAfterMs : -Infinity
    let underWay = 0
    for (const { open, startedAtMs } of this.#chunks) {
      if (startedAtMs < silentSinceMs) for (const shipment of open) partitions.timedOut(shipment)
      if (!partitions.someAway || [...open].some(({ batch }) => !partitions.isAway(batch))) underWay++
    }
    return underWay < this.#allowedChunks
  }

  async #handle(taken: readonly TakenEntry[]): Promise<void> {
    const { partitions } = this.#options
    const absent = taken.filter(({ entry }) => partitions.isAway(entry.batch))
    const present = taken.filter((entry) => !absent.includes(entry))
    if (present.length > 0) await this.#send(present)
    if (absent.length > 0) await this.#passOver(absent)
  }

  async #send(taken: readonly TakenEntry[]): Promise<void> {
    const startedAtMs = performance.now()
    const { onError, isLive } = this.#options
    this.#passedBytes = 0
    const settled = this.#settled(taken, startedAtMs).catch(onError)
    await Promise.race([settled, pause(patienceMs)])
    if (!isLive() || this.#stopping) return
    await pause(Math.min(pausePerTime * (performance.now() - startedAtMs), maxPauseMs))
  }

  async #settled(taken: readonly TakenEntry[], startedAtMs: number): Promise<void> {
    const shipments = taken.map(({ ref, entry }) => Shipment.promised(entry.batch, entry.firstSeenMs, ref))
    const chunk = { open: new Set(shipments), startedAtMs }
    this.#chunks.add(chunk)
    try {
      await Promise.all(shipments.map((shipment) => this.#sendOne(shipment, chunk)))
    } finally {
      this.#chunks.delete(chunk)
    }
    const inTime = performance.now() - startedAtMs < silentAfterMs
    this.#allowedChunks = inTime ? Math.min(2 * this.#allowedChunks, this.#options.maxChunks) : 1
  }

  async #sendOne(shipment: Shipment, { open }: Chunk): Promise<void> {
    const { sender, partitions, onLaunch, onSettled } = this.#options
    onLaunch(shipment)
    await onSettled(shipment, await sender.send(shipment.batch, { partition: partitions.choose(shipment.batch) }))
    open.delete(shipment)
  }

  async #passOver(absent: readonly TakenEntry[]): Promise<void> {
    const { journal } = this.#options
    await Promise.all(absent.map((taken) => this.#passOverOne(taken)))
    if (this.#passedBytes > journal.bytes) await this.#waitForPartitions()
    else await pause(pauseAfterPassingMs)
  }

  /** Writes the entry at the end of the journal, unless its partition comes back before there is room for it. */
  async #passOverOne(taken: TakenEntry): Promise<void> {
    const { journal, partitions } = this.#options
    const { ref, entry } = taken
    while (!this.#stopping && partitions.isAway(entry.batch)) {
      try {
        await journal.append(entry)
        journal.finish(ref)
        this.#passedBytes += entry.batch.bytes.length
        this.#oldestPassedMs = Math.min(this.#oldestPassedMs, entry.firstSeenMs)
        return
      } catch (error) {
        if (!(error instanceof NotJournaled)) throw error
        await pause(pauseAfterErrorMs)
      }
    }
    if (!this.#stopping) await this.#send([taken])
  }

  async #waitForPartitions(): Promise<void> {
    const { partitions } = this.#options
    const { description } = partitions
    const deadline = performance.now() + passAgainAfterMs
    while (!this.#stopping && partitions.description === description && performance.now() < deadline)
      await pause(idlePollMs)
    this.#passedBytes = 0
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../shared/logger.js'
import type { WorkerProcess } from './worker-process.js'

export type SlotOptions = {
  fork: () => WorkerProcess
  logger: Logger
  stopping: () => boolean
  /** Called for each started worker: whether it came to take connections. */
  onStarted: (ready: boolean) => void
  onRestart: () => void
}

/** After this long, a worker counts as recovered from the failure of the one before. */
const stableAfterMs = 10_000
const firstBackoffMs = 100
const maxBackoffMs = 10_000

/** The place of one worker: a worker that ends is replaced by the next one in the same place. */
export class Slot {
  readonly #options: SlotOptions
  #serving: WorkerProcess | undefined
  #successor: WorkerProcess | undefined
  #failures = 0

  constructor(options: SlotOptions) {
    this.#options = options
  }

  /** Keeps a worker running until the pool stops. */
  async keep(): Promise<void> {
    const { fork, logger, stopping, onStarted, onRestart } = this.#options
    while (!stopping()) {
      const worker = this.#successor ?? fork()
      this.#successor = undefined
      this.#serving = worker
      onStarted(await worker.ready)
      const how = await worker.exited
      if (stopping() || this.#successor !== undefined) continue
      const backoffMs = this.#nextBackoff(worker)
      logger.warn({ worker: worker.pid, how, backoffMs }, 'a worker ended unasked and is replaced')
      onRestart()
      await pause(backoffMs)
    }
  }

  /**
   * Lets a new worker take over before the present one goes. False if the new one does not start; then nothing changes.
   */
  async replace(): Promise<boolean> {
    const successor = this.#options.fork()
    if (!(await successor.ready)) return false
    const leaving = this.#serving
    this.#successor = successor
    leaving?.send({ type: 'drain' })
    await leaving?.exited
    return true
  }

  /** None for the first time in a while, then 100 ms, 200 ms and so on. */
  #nextBackoff(ended: WorkerProcess): number {
    if (performance.now() - ended.startedAtMs > stableAfterMs) this.#failures = 0
    const backoffMs = this.#failures === 0 ? 0 : firstBackoffMs * 2 ** (this.#failures - 1)
    this.#failures++
    return Math.min(backoffMs, maxBackoffMs)
  }
}

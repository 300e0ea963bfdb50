import type { Worker } from 'node:cluster'
import type { RateRequest } from '../config/rate-limits.js'
import type { PrimaryMessage, WorkerMessage } from '../telemetry/messages.js'
import type { WorkerSnapshot } from '../telemetry/telemetry.js'

export type WorkerEvents = {
  onSnapshot: (snapshot: WorkerSnapshot) => void
  /** The worker asks for the figures of all workers; the answer carries the id. */
  onStatsRequest: (id: number) => void
  /** What its clients want to send, for the rate limits; the answer carries the id. */
  onRateRequests: (id: number, requests: readonly RateRequest[]) => void
}

/** The primary's view of one worker process. */
export class WorkerProcess {
  readonly pid: number
  /** The number of its place; a successor has the same. */
  readonly slot: number
  readonly startedAtMs = performance.now()
  /** True once it takes connections; false if it ends before. */
  readonly ready: Promise<boolean>
  /** How it ended: the signal or the exit code, in words. */
  readonly exited: Promise<string>
  readonly #worker: Worker
  readonly #refreshes = new Map<number, () => void>()
  #snapshot: WorkerSnapshot | undefined
  #heardAtMs = performance.now()
  #lastId = 0

  constructor(worker: Worker, slot: number, { onSnapshot, onStatsRequest, onRateRequests }: WorkerEvents) {
    this.#worker = worker
    this.slot = slot
    this.pid = worker.process.pid ?? 0
    this.exited = new Promise((resolve) => {
      worker.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
      worker.once('error', (error) => resolve(`could not be started: ${error.message}`))
    })
    this.ready = new Promise((resolve) => {
      worker.on('message', (message: WorkerMessage) => {
        this.#heardAtMs = performance.now()
        if (message.type === 'listening') resolve(true)
        else if (message.type === 'stats-request') onStatsRequest(message.id)
        else if (message.type === 'rate-requests') onRateRequests(message.id, message.requests)
        else {
          onSnapshot(message.snapshot)
          this.#keep(message.id, message.snapshot)
        }
      })
      void this.exited.then(() => resolve(false))
    })
  }

  /** How long it has sent nothing. */
  get silentMs(): number {
    return performance.now() - this.#heardAtMs
  }

  /** Its last figures; undefined before the first ones. */
  get snapshot(): WorkerSnapshot | undefined {
    return this.#snapshot
  }

  /** Asks for its figures. True if they came within `timeoutMs`; if not, `snapshot` is the last one it sent. */
  refresh(timeoutMs: number): Promise<boolean> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      const end = (fresh: boolean) => {
        clearTimeout(timer)
        this.#refreshes.delete(id)
        resolve(fresh)
      }
      const timer = setTimeout(end, timeoutMs, false)
      this.#refreshes.set(id, () => end(true))
      this.send({ type: 'snapshot-request', id })
    })
  }

  /** Sends a message. Drops it if the worker has gone, whose exit is reported anyway. */
  send(message: PrimaryMessage): void {
    if (this.#worker.isConnected()) this.#worker.process.send(message, () => undefined)
  }

  /** Lets it finish, or ends it at once if it has not started to serve. */
  terminate(): void {
    this.#worker.process.kill('SIGTERM')
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #keep(id: number | null, snapshot: WorkerSnapshot): void {
    this.#snapshot = snapshot
    if (id !== null) this.#refreshes.get(id)?.()
  }
}

import cluster from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../shared/logger.js'
import type { CollectorFigures } from './collector-figures.js'
import type { RateWindows } from './rate-windows.js'
import { Slot } from './slot.js'
import { WorkerProcess } from './worker-process.js'

export type WorkerPoolOptions = {
  size: number
  /** Environment variables of the workers, added to those of this process. */
  env: Record<string, string | undefined>
  stuckAfterMs: number
  /** Undefined where there are no rate limits. */
  rateWindows: RateWindows | undefined
  /** Called when no worker can be started, so that going on is pointless. */
  onGiveUp: (failedStarts: number) => void
}

const lookEveryMs = 500
/** A start that takes longer counts as hung. */
const startTimeoutMs = 30_000
/** Starts that fail one after the other, in whatever slot, until the pool gives up, unless others serve. */
const maxFailedStarts = 5

/** Runs the workers, one in each slot, and replaces any that is stuck. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #figures: CollectorFigures
  readonly #logger: Logger
  readonly #slots: Slot[]
  readonly #alive = new Map<WorkerProcess, { ready: boolean }>()
  #onAllReady: (() => void) | undefined
  #readyStarts = 0
  #failedStarts = 0
  #stopping = false
  #replacing = false
  #replaceAsked = false
  #watcher: NodeJS.Timeout | undefined

  constructor(options: WorkerPoolOptions, figures: CollectorFigures, logger: Logger) {
    this.#options = options
    this.#figures = figures
    this.#logger = logger
    this.#slots = Array.from({ length: options.size }, (_, slot) => this.#createSlot(slot))
  }

  /** Resolves when all workers take connections; never, if the pool gives up. */
  async start(): Promise<void> {
    this.#watcher = setInterval(() => this.#killStuck(), lookEveryMs)
    const allReady = new Promise<void>((resolve) => {
      this.#onAllReady = resolve
    })
    for (const slot of this.#slots) void slot.keep()
    await allReady
  }

  /**
   * Replaces the workers one at a time; each successor takes connections before its predecessor goes. Asked for once more
   * meanwhile, it begins again at the end: some may have read what has changed since.
   */
  async replaceAll(): Promise<void> {
    this.#replaceAsked = true
    if (this.#replacing) return
    this.#replacing = true
    while (this.#replaceAsked && !this.#stopping) {
      this.#replaceAsked = false
      await this.#replaceEach()
    }
    this.#replacing = false
  }

  /** Lets all workers finish, and kills those that have not by `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true
    this.#figures.stop()
    clearInterval(this.#watcher)
    for (const [worker, { ready }] of this.#alive) {
      if (ready) worker.send({ type: 'drain' })
      // One that has only been started does not hear messages yet: it would come to take connections and stay.
      else worker.terminate()
    }
    const exits = Promise.all([...this.#alive.keys()].map(({ exited }) => exited))
    const late = await Promise.race([exits.then(() => false), pause(timeoutMs, true, { ref: false })])
    if (!late) return
    for (const worker of this.#alive.keys()) {
      this.#logger.error({ worker: worker.pid }, 'a worker did not finish in time and is killed')
      worker.kill()
    }
    await exits
  }

  async #replaceEach(): Promise<void> {
    this.#logger.info('replacing the workers one at a time')
    for (const [index, slot] of this.#slots.entries()) {
      const replaced = await slot.replace()
      // A worker that is forked from now on would not be drained.
      if (this.#stopping) return
      if (replaced) continue
      this.#logger.error({ replaced: index }, 'a new worker does not start; the others stay as they are')
      return
    }
    this.#logger.info('the workers are replaced')
  }

  #createSlot(slot: number): Slot {
    return new Slot({
      fork: () => this.#fork(slot),
      logger: this.#logger,
      stopping: () => this.#stopping,
      onStarted: (ready) => this.#noteStart(ready),
      onRestart: () => this.#figures.workerRestarted(),
    })
  }

  #fork(slot: number): WorkerProcess {
    const { env, rateWindows } = this.#options
    const worker: WorkerProcess = new WorkerProcess(cluster.fork(env), slot, {
      onSnapshot: ({ since }) => this.#figures.note(since),
      onStatsRequest: (id) => void this.#figures.collect().then((stats) => worker.send({ type: 'stats', id, stats })),
      onRateRequests: (id, requests) => {
        const now = performance.now()
        const verdicts = requests.map((request) => rateWindows?.take(request, now)).filter((v) => v !== undefined)
        worker.send({ type: 'rate-verdicts', id, verdicts })
      },
    })
    const state = { ready: false }
    this.#alive.set(worker, state)
    this.#figures.workerStarted(worker)
    void worker.ready.then((ready) => {
      state.ready = ready
    })
    void worker.exited.then(() => {
      this.#alive.delete(worker)
      this.#figures.workerEnded(worker)
    })
    return worker
  }

  #noteStart(ready: boolean): void {
    if (this.#stopping) return
    if (ready) {
      this.#failedStarts = 0
      this.#readyStarts++
      if (this.#readyStarts === this.#options.size) this.#onAllReady?.()
      return
    }
    this.#failedStarts++
    if (this.#failedStarts >= maxFailedStarts && !this.#serves) this.#giveUp()
  }

  #giveUp(): void {
    // One that hangs in its start, as Node may where threads are short, would not learn that this process has gone.
    for (const [worker, { ready }] of this.#alive) if (!ready) worker.kill()
    this.#options.onGiveUp(this.#failedStarts)
  }

  /** Whether workers have served and one still does: then a file that was damaged meanwhile must not end the others. */
  get #serves(): boolean {
    return this.#readyStarts >= this.#options.size && [...this.#alive.values()].some(({ ready }) => ready)
  }

  #killStuck(): void {
    for (const [worker, { ready }] of this.#alive) {
      if (worker.silentMs < (ready ? this.#options.stuckAfterMs : startTimeoutMs)) continue
      this.#logger.error(
        { worker: worker.pid, silentMs: Math.round(worker.silentMs) },
        'a worker is stuck and is killed',
      )
      worker.kill()
    }
  }
}

import type { LogOutput } from '../shared/log-output.js'
import type { CollectorStats, WorkerStats } from '../telemetry/collector-stats.js'
import { conditionOfAll, draining } from '../telemetry/condition.js'
import { Ledger, sumOfLedgers } from '../telemetry/ledger.js'
import { add, emptySums, type Sums } from '../telemetry/sums.js'
import {
  type BrokerState,
  type Gauges,
  gauges,
  namesOf,
  type RecentProblem,
  type WorkerSnapshot,
  zeros,
} from '../telemetry/telemetry.js'
import { BusiestServices } from './busiest-services.js'
import type { WorkerProcess } from './worker-process.js'

/** Longest wait for a worker's figures; a late worker is shown with its last ones. */
const refreshTimeoutMs = 250
const maxRecentProblems = 50

/** The sums over all workers. They keep the figures of workers that have ended, so no counter ever falls. */
export class CollectorFigures {
  readonly #startedAtMs = performance.now()
  readonly #log: Pick<LogOutput, 'dropped'>
  readonly #workers = new Set<WorkerProcess>()
  readonly #ended: Sums = emptySums()
  readonly #endedLedger = new Ledger()
  readonly #endedCpuSeconds: number[] = []
  readonly #services = new BusiestServices()
  #recentProblems: RecentProblem[] = []
  #workerRestarts = 0
  #stopping = false
  #leftAtStop = 0

  /** @param log this process's own, whose figures are in the sums, too */
  constructor(log: Pick<LogOutput, 'dropped'>) {
    this.#log = log
  }

  workerStarted(worker: WorkerProcess): void {
    this.#workers.add(worker)
  }

  workerEnded(worker: WorkerProcess): void {
    this.#workers.delete(worker)
    const { snapshot, slot } = worker
    if (snapshot === undefined) return
    add(this.#ended, snapshot)
    this.#endedCpuSeconds[slot] = (this.#endedCpuSeconds[slot] ?? 0) + snapshot.cpuSeconds
    this.#endedLedger.workerEnded(snapshot.ledger)
    if (this.#stopping) this.#leftAtStop += snapshot.ledger.waiting
  }

  /** Metrics that wait in the journal, and that no worker is there to send any more. */
  get leftAtStop(): number {
    return this.#leftAtStop
  }

  stop(): void {
    this.#stopping = true
  }

  workerRestarted(): void {
    this.#workerRestarts++
  }

  /** Adds what a snapshot says about the time since the one before. */
  note({ services, recentProblems }: WorkerSnapshot['since']): void {
    this.#services.add(services)
    if (recentProblems.length === 0) return
    this.#recentProblems = [...recentProblems, ...this.#recentProblems]
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, maxRecentProblems)
  }

  /** Asks all workers for their figures and sums them with those of the ended ones. */
  async collect(): Promise<CollectorStats> {
    const asked = [...this.#workers]
    const fresh = new Set<WorkerProcess>()
    await Promise.all(asked.map(async (worker) => (await worker.refresh(refreshTimeoutMs)) && fresh.add(worker)))

    // No await from here on, so that a worker that ends meanwhile is counted once.
    const now = performance.now()
    const sums = emptySums()
    add(sums, this.#ended)
    sums.counts.logLinesDropped += this.#log.dropped
    const cpuSeconds = [...this.#endedCpuSeconds]
    const snapshots: WorkerSnapshot[] = []
    const workers: WorkerStats[] = []
    for (const worker of this.#workers) {
      const { snapshot, pid, slot, startedAtMs } = worker
      if (snapshot === undefined) continue
      snapshots.push(snapshot)
      add(sums, snapshot)
      cpuSeconds[slot] = (cpuSeconds[slot] ?? 0) + snapshot.cpuSeconds
      const uptimeSeconds = (now - startedAtMs) / 1000
      const { ledger, counts, gauges, condition, kafka, journal } = snapshot
      const figures = { ledger, counts, gauges, condition, kafka, journal }
      workers.push({ pid, slot, uptimeSeconds, stale: !fresh.has(worker), ...figures })
    }
    return {
      ...sums,
      ledger: sumOfLedgers([this.#endedLedger.figures, ...snapshots.map(({ ledger }) => ledger)]),
      gauges: sumGauges(workers),
      workers: workers.sort((a, b) => a.slot - b.slot),
      cpuSeconds: Array.from(cpuSeconds, (seconds = 0) => seconds),
      brokers: worstOf(snapshots.flatMap(({ brokers }) => brokers)),
      services: this.#services.counts,
      recentProblems: this.#recentProblems,
      workerRestarts: this.#workerRestarts,
      condition: this.#stopping ? draining : conditionOfAll(workers.map(({ condition }) => condition)),
      uptimeSeconds: (now - this.#startedAtMs) / 1000,
    }
  }
}

const aggregators = {
  sum: (values: number[]) => values.reduce((sum, value) => sum + value, 0),
  min: (values: number[]) => (values.length === 0 ? 0 : Math.min(...values)),
  max: (values: number[]) => Math.max(0, ...values),
}

function sumGauges(workers: WorkerStats[]): Gauges {
  const all = zeros(gauges)
  for (const name of namesOf(gauges)) {
    all[name] = aggregators[gauges[name].aggregator](workers.map((worker) => worker.gauges[name]))
  }
  return all
}

/** Each broker once, as the worker with the worst view of it sees it. */
function worstOf(states: BrokerState[]): BrokerState[] {
  const brokers = new Map<string, BrokerState>()
  for (const state of states) {
    const { up = true, rttSeconds = 0 } = brokers.get(state.name) ?? {}
    brokers.set(state.name, {
      name: state.name,
      up: up && state.up,
      rttSeconds: Math.max(rttSeconds, state.rttSeconds),
    })
  }
  return [...brokers.values()].sort((a, b) => a.name.localeCompare(b.name))
}

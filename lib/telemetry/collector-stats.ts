import type { Condition } from './condition.js'
import type { LedgerFigures } from './ledger.js'
import type {
  BrokerState,
  Counts,
  Gauges,
  Histograms,
  LabelledCounts,
  RecentProblem,
  WorkerSnapshot,
} from './telemetry.js'

/** The figures of one worker. */
export type WorkerStats = Pick<WorkerSnapshot, 'ledger' | 'counts' | 'gauges' | 'condition' | 'kafka' | 'journal'> & {
  pid: number
  /** The number of its place; a successor has the same. */
  slot: number
  uptimeSeconds: number
  /** It did not answer in time: these are the last figures it sent. */
  stale: boolean
}

/** The figures of all workers of this machine. Counters include workers that have ended. */
export type CollectorStats = {
  ledger: LedgerFigures
  counts: Counts
  labelledCounts: LabelledCounts
  histograms: Histograms
  gauges: Gauges
  workers: WorkerStats[]
  /** By number of place, those that have ended included. */
  cpuSeconds: number[]
  brokers: BrokerState[]
  /** Metrics received from each of the busiest services, and from all others as `other`. */
  services: [name: string, metrics: number][]
  /** The last ones, newest first. */
  recentProblems: RecentProblem[]
  workerRestarts: number
  condition: Condition
  uptimeSeconds: number
}

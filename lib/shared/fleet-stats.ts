import type { Counts, WorkerSnapshot } from './telemetry.js'

/** One worker's part of the fleet's figures. */
export type WorkerStats = Omit<WorkerSnapshot, 'metrics'> & {
  pid: number
  uptimeSeconds: number
  /** It did not answer in time: these are the last figures it sent. */
  stale: boolean
}

/** The figures of all workers of this machine, those that have ended included. */
export type FleetStats = {
  counts: Counts
  workers: WorkerStats[]
  metricsInFlight: number
  /** Metrics of workers that ended before answering: their agents saw the connection close. */
  metricsAbandoned: number
  workerRestarts: number
  uptimeSeconds: number
  /** The metrics of each process, live or ended, to be summed for Prometheus. */
  metrics: WorkerSnapshot['metrics'][]
}

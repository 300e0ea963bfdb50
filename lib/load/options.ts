export const dialects = ['vantage', 'otlp-protobuf', 'otlp-json'] as const
export type Dialect = (typeof dialects)[number]

/** A load. It travels to the sender processes, so it is plain data. */
export type LoadOptions = {
  /** Where batches are posted. */
  url: string
  /** Metrics a second that fall due, answered or not; null: each connection posts as soon as it has its answer. */
  metricsPerSecond: number | null
  seconds: number
  /** Sent before the measurement begins, and not part of it. */
  warmUpSeconds: number
  batchSize: number
  connections: number
  processes: number
  /** Services that metrics come from, at most; each batch is of one. */
  services: number
  /** Share of metrics that a collector must reject. */
  badShare: number
  /** What batches are written in: all say the same. */
  dialect: Dialect
  headers: Readonly<Record<string, string>>
  /** If the load generator itself sends 1 % of the requests later than this, the result has no percentiles. */
  maxLagMs: number
}

export const defaultLoad: LoadOptions = {
  url: 'http://127.0.0.1:8000/v1/metrics',
  metricsPerSecond: null,
  seconds: 10,
  warmUpSeconds: 2,
  batchSize: 100,
  connections: 16,
  processes: 2,
  services: 64,
  badShare: 0,
  dialect: 'vantage',
  headers: {},
  maxLagMs: 5,
}

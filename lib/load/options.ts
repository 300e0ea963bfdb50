/** What a load is. Everything a sender process needs to know travels as this, so it is plain data. */
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
  /** How a batch is written: as ours, or as OTLP with the same information, for peers that take that. */
  dialect: 'vantage' | 'otlp-json' | 'otlp-protobuf'
  headers: Readonly<Record<string, string>>
  /** Where 1 % of requests are sent later than that by the load generator's own fault, it tells no percentiles. */
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

import { difference, type HistogramCounts, quantile } from '../telemetry/histogram.js'
import type { Stats } from '../telemetry/stats-schema.js'

/** What happened between two answers of /v1/stats; rates are per second. */
export type Figures = {
  received: number
  accepted: number
  rejected: number
  deferred: number
  /** Requests answered with a problem. */
  problems: number
  acknowledgedBytes: number
  /** Seconds; undefined when nothing was answered. */
  latency: { p50: number | undefined; p99: number | undefined; acknowledgeP99: number | undefined }
  services: { service: string; rate: number }[]
  /** Metrics per second by the format that they come in, of those that have come in any. */
  formats: { format: string; rate: number }[]
  /** By pid: metrics per second, and CPU as a share of one. */
  workers: Map<number, { rate: number; cpu: number }>
}

export function figuresBetween(before: Stats, now: Stats, seconds: number): Figures {
  const perSecond = (later: number, earlier: number) => Math.max(0, later - earlier) / seconds
  const rate = (pick: (stats: Stats) => number) => perSecond(pick(now), pick(before))
  const servicesBefore = new Map(before.services.map(({ service, metrics_received }) => [service, metrics_received]))
  const workersBefore = new Map(before.workers.map((worker) => [worker.pid, worker]))
  return {
    received: rate(({ ingestion }) => ingestion.metrics_received),
    accepted: rate(({ ingestion }) => ingestion.metrics_accepted),
    rejected: rate(({ ingestion }) => ingestion.metrics_rejected),
    deferred: rate(({ ingestion }) => ingestion.metrics_deferred),
    problems: rate(({ ingestion }) => Object.values(ingestion.problems).reduce((sum, count) => sum + count, 0)),
    acknowledgedBytes: rate(({ kafka }) => kafka.bytes_acknowledged),
    latency: {
      p50: quantileBetween(before, now, 'request_duration_seconds', 0.5),
      p99: quantileBetween(before, now, 'request_duration_seconds', 0.99),
      acknowledgeP99: quantileBetween(before, now, 'acknowledge_duration_seconds', 0.99),
    },
    services: now.services
      .map(({ service, metrics_received }) => ({
        service,
        rate: perSecond(metrics_received, servicesBefore.get(service) ?? 0),
      }))
      .sort((a, b) => b.rate - a.rate),
    formats: Object.entries(now.ingestion.formats)
      .filter(([, { metrics_received }]) => metrics_received > 0)
      .map(([format, { metrics_received }]) => ({
        format,
        rate: perSecond(metrics_received, before.ingestion.formats[format]?.metrics_received ?? 0),
      })),
    workers: new Map(
      now.workers.map((worker) => {
        const earlier = workersBefore.get(worker.pid)
        return [
          worker.pid,
          {
            rate: perSecond(worker.metrics_received, earlier?.metrics_received ?? 0),
            cpu: earlier === undefined ? 0 : perSecond(worker.cpu_seconds, earlier.cpu_seconds),
          },
        ]
      }),
    ),
  }
}

function quantileBetween(before: Stats, now: Stats, name: keyof Stats['latency'], q: number): number | undefined {
  const { bounds } = now.latency[name]
  return quantile(bounds, difference(countsOf(now, name), countsOf(before, name)), q)
}

function countsOf(stats: Stats, name: keyof Stats['latency']): HistogramCounts {
  const { counts, sum } = stats.latency[name]
  return [...counts, sum]
}

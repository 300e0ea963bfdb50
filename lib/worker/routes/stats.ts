import { describeConfig } from '../../config/describe.js'
import { type FormatName, formatNames } from '../../ingest/format.js'
import { json } from '../../shared/answer.js'
import { problems } from '../../shared/errors.js'
import { version } from '../../shared/version.js'
import type { CollectorStats, WorkerStats } from '../../telemetry/collector-stats.js'
import { emptyHistogram, type HistogramCounts } from '../../telemetry/histogram.js'
import { differenceOf, type LedgerFigures } from '../../telemetry/ledger.js'
import type { Stats } from '../../telemetry/stats-schema.js'
import {
  type BrokerState,
  type HistogramName,
  histograms,
  type LabelledCounts,
  type RecentProblem,
} from '../../telemetry/telemetry.js'
import type { Handler } from '../http/router.js'
import type { RouteContext } from './context.js'
import { batchRoutes } from './metrics.js'

/** GET /v1/stats: the figures of all workers of this machine, as of this request. */
export function statsRoute({ config, primary }: RouteContext): Handler {
  return async () => json(200, describeStats(await primary.stats(), config))
}

/** GET /v1/config: the settings, without their secrets. */
export function configRoute({ config }: RouteContext): Handler {
  const answer = json(200, describeConfig(config))
  return () => answer
}

function describeStats(stats: CollectorStats, config: { serviceName: string; environment: string }): Stats {
  const { ledger, counts, gauges, labelledCounts, workers } = stats
  return {
    service: config.serviceName,
    environment: config.environment,
    version,
    uptime_seconds: stats.uptimeSeconds,
    status: stats.condition.state,
    reason: stats.condition.reason,
    ingestion: {
      batches_received: counts.batchesReceived,
      metrics_received: ledger.received,
      metrics_accepted: counts.metricsAccepted,
      metrics_rejected: ledger.rejected,
      rejected_dead_letters: counts.rejectedDeadLetters,
      rejected_dead_letters_dropped: counts.rejectedDeadLettersDropped,
      metrics_deferred: ledger.deferred,
      metrics_skipped: ledger.skipped,
      acceptance_rate: rate(counts.metricsAccepted, ledger.received),
      rejections: labelledCounts.metricsRejected,
      skips: labelledCounts.metricsSkipped,
      doubts: labelledCounts.batchesDoubtful,
      formats: Object.fromEntries(formatNames.map((name) => [name, describeFormat(name, labelledCounts)])),
      problems: labelledCounts.problems,
    },
    kafka: {
      connected: workers.some(({ kafka }) => kafka.up),
      records_acknowledged: counts.recordsAcknowledged,
      records_failed: counts.recordsFailed,
      metrics_late: ledger.late,
      bytes_acknowledged: counts.acknowledgedBytes,
      success_rate: rate(counts.recordsAcknowledged, counts.recordsAcknowledged + counts.recordsFailed),
      brokers: stats.brokers.map((broker) => describeBroker(broker, stats)),
    },
    journal: {
      metrics_journaled: ledger.journaled,
      metrics_replayed: ledger.replayed,
      metrics_waiting: ledger.waiting,
      batches_waiting: gauges.journalBatches,
      up: gauges.journalUp === 1,
      bytes: gauges.journalBytes,
      limit_bytes: gauges.journalLimitBytes,
      unreadable: gauges.journalUnreadable,
      oldest_age_seconds: gauges.journalOldestAgeSeconds,
    },
    ledger: describeLedger(ledger),
    held: {
      bytes: gauges.heldBytes,
      limit_bytes: gauges.heldLimitBytes,
    },
    latency: {
      request_duration_seconds: bucketsOf(
        'httpRequestDurationSeconds',
        sumOf(batchRoutes.map((route) => stats.histograms.httpRequestDurationSeconds[route])),
      ),
      acknowledge_duration_seconds: bucketsOf(
        'acknowledgeDurationSeconds',
        stats.histograms.acknowledgeDurationSeconds[''],
      ),
    },
    services: stats.services.map(([service, metrics]) => ({ service, metrics_received: metrics })),
    recent_problems: stats.recentProblems.map(describeProblem),
    worker_restarts: stats.workerRestarts,
    workers: workers.map((worker) => describeWorker(worker, stats)),
  }
}

function describeFormat(name: FormatName, counts: LabelledCounts) {
  return {
    batches_received: counts.formatBatchesReceived[name] ?? 0,
    metrics_received: counts.formatMetricsReceived[name] ?? 0,
    metrics_accepted: counts.formatMetricsAccepted[name] ?? 0,
    metrics_rejected: counts.formatMetricsRejected[name] ?? 0,
    metrics_skipped: counts.formatMetricsSkipped[name] ?? 0,
  }
}

function describeBroker({ name, up, rttSeconds }: BrokerState, { labelledCounts }: CollectorStats) {
  return { name, up, rtt_seconds: rttSeconds, errors: labelledCounts.kafkaBrokerErrors[name] ?? 0 }
}

function sumOf(histograms: readonly (HistogramCounts | undefined)[]): HistogramCounts | undefined {
  const there = histograms.filter((counts) => counts !== undefined)
  return there[0]?.map((_, n) => there.reduce((sum, counts) => sum + (counts[n] ?? 0), 0))
}

/** `counts` has one member more than `bounds`: what lies above the last one. */
function bucketsOf(name: HistogramName, counts: HistogramCounts = emptyHistogram(histograms[name].bounds)) {
  return { bounds: [...histograms[name].bounds], counts: counts.slice(0, -1), sum: counts.at(-1) ?? 0 }
}

function describeProblem({ atMs, route, status, code, rejections }: RecentProblem) {
  const reason = code === undefined ? 'A part of the batch was rejected' : problems[code].title
  return { at: new Date(atMs).toISOString(), route, status, code: code ?? null, reason, rejections }
}

function describeWorker(worker: WorkerStats, { cpuSeconds }: CollectorStats) {
  const { ledger, counts, gauges } = worker
  return {
    pid: worker.pid,
    slot: worker.slot,
    uptime_seconds: worker.uptimeSeconds,
    stale: worker.stale,
    kafka: worker.kafka,
    ...(worker.journal && { journal: worker.journal }),
    metrics_received: ledger.received,
    metrics_accepted: counts.metricsAccepted,
    metrics_in_flight: ledger.inFlight,
    held_bytes: gauges.heldBytes,
    resident_memory_bytes: gauges.residentMemoryBytes,
    event_loop_lag_seconds: gauges.eventLoopLagSeconds,
    cpu_seconds: cpuSeconds[worker.slot] ?? 0,
  }
}

/** Each metric received, or found in the journal, is in one of the others, so difference is 0. */
function describeLedger(ledger: LedgerFigures) {
  return {
    received: ledger.received,
    adopted: ledger.adopted,
    rejected: ledger.rejected,
    skipped: ledger.skipped,
    deferred: ledger.deferred,
    acknowledged: ledger.acknowledged,
    dead_lettered: ledger.buried,
    waiting: ledger.waiting,
    in_memory: ledger.inMemory,
    in_flight: ledger.inFlight,
    left: ledger.left,
    abandoned: ledger.abandoned,
    lost: ledger.lost,
    difference: differenceOf(ledger),
  }
}

/** A share between 0 and 1; of nothing, all went well. */
function rate(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole
}

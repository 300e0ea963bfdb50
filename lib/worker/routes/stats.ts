import { json } from '../../shared/answer.js'
import type { FleetStats } from '../../shared/fleet-stats.js'
import type { Handler } from '../router.js'
import type { RouteContext } from './context.js'

/** GET /v1/stats: the figures of all workers of this machine, as of this request. */
export function statsRoute({ config, primary }: RouteContext): Handler {
  return async () => json(200, describeFleet(await primary.fleet(), config))
}

function describeFleet(fleet: FleetStats, config: { serviceName: string; environment: string }) {
  const { counts, workers } = fleet
  return {
    ingestion: {
      batches_received: counts.batchesReceived,
      metrics_received: counts.metricsReceived,
      metrics_accepted: counts.metricsAccepted,
      metrics_rejected: counts.metricsRejected,
      metrics_unavailable: counts.metricsUnavailable,
      acceptance_rate: rate(counts.metricsAccepted, counts.metricsReceived),
    },
    kafka: {
      connected: workers.some(({ kafka }) => kafka.up),
      messages_sent: counts.recordsDelivered,
      messages_failed: counts.recordsFailed,
      messages_late: counts.metricsLate,
      bytes_sent: counts.bytesDelivered,
      success_rate: rate(counts.recordsDelivered, counts.recordsDelivered + counts.recordsFailed),
    },
    balance: balanceOf(fleet),
    uptime_seconds: fleet.uptimeSeconds,
    service: config.serviceName,
    environment: config.environment,
    worker_restarts: fleet.workerRestarts,
    workers: workers.map((worker) => ({
      pid: worker.pid,
      uptime_seconds: worker.uptimeSeconds,
      stale: worker.stale,
      kafka: worker.kafka,
      metrics_received: worker.counts.metricsReceived,
      metrics_accepted: worker.counts.metricsAccepted,
      metrics_in_flight: worker.gauges.metricsInFlight,
      held_bytes: worker.gauges.heldBytes,
      resident_memory_bytes: worker.gauges.residentMemoryBytes,
      event_loop_lag_seconds: worker.gauges.eventLoopLagSeconds,
    })),
  }
}

/** Each metric received is in one of these, so difference is 0. */
function balanceOf({ counts, metricsInFlight, metricsAbandoned }: FleetStats) {
  const { metricsReceived, metricsAccepted, metricsRejected, metricsUnavailable } = counts
  return {
    received: metricsReceived,
    accepted: metricsAccepted,
    rejected: metricsRejected,
    unavailable: metricsUnavailable,
    in_flight: metricsInFlight,
    abandoned: metricsAbandoned,
    difference:
      metricsReceived - metricsAccepted - metricsRejected - metricsUnavailable - metricsInFlight - metricsAbandoned,
  }
}

/** A share between 0 and 1; of nothing, all went well. */
function rate(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole
}

import { metricsBefore, type RecordBatch } from '../delivery/record-batch.js'
import type { Durability, RefusedRecord } from '../delivery/shipment.js'
import { type Answer, json } from '../shared/answer.js'
import { withReason } from '../shared/rejections.js'
import { maxErrors, noValidMetrics, type Verdict } from './validate.js'

/**
 * The verdict with the metrics counted as rejected whose records the brokers refused for good, such as for their size:
 * their agent must not send them again.
 */
export function withRefused(verdict: Verdict, records: RecordBatch, refused: readonly RefusedRecord[]): Verdict {
  if (refused.length === 0) return verdict
  const reasons = new Map<number, string>()
  for (const { record, reason } of refused) {
    const end = metricsBefore(records, record + 1)
    for (let metric = metricsBefore(records, record); metric < end; metric++) reasons.set(metric, reason)
  }
  const errors = [...reasons].map(
    ([metric, reason]) => `metrics[${verdict.indexes[metric]}] was refused by Kafka: ${reason}`,
  )
  return {
    ...verdict,
    accepted: verdict.accepted.filter((_, metric) => !reasons.has(metric)),
    indexes: verdict.indexes.filter((_, metric) => !reasons.has(metric)),
    rejected: verdict.rejected + reasons.size,
    rejections: withReason(verdict.rejections, 'kafka.refused', reasons.size),
    errors: [...verdict.errors, ...errors].slice(0, maxErrors),
  }
}

const whereTheyAre = {
  kafka: 'acknowledged by Kafka',
  journal: 'on disk, to be sent to Kafka',
  memory: 'in memory, to be sent to Kafka',
} satisfies Record<Durability, string>

/** The 202; the problem is thrown when the brokers refused each metric that was valid. */
export function respond(verdict: Verdict, durability: Durability): Answer {
  const { received, accepted, rejected, errors } = verdict
  if (accepted.length === 0) throw noValidMetrics(verdict)
  return json(202, {
    status: rejected === 0 ? 'accepted' : 'partial',
    durability,
    metrics_received: received,
    metrics_accepted: accepted.length,
    metrics_rejected: rejected,
    message: `${accepted.length} ${accepted.length === 1 ? 'metric' : 'metrics'} ${whereTheyAre[durability]}`,
    errors,
  })
}

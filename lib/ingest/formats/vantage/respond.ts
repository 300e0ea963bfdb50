import type { Durability, RefusedRecord } from '../../../delivery/outcome.js'
import { metricsBefore, type RecordBatch } from '../../../delivery/record-batch.js'
import { type Answer, json } from '../../../shared/answer.js'
import { withReason } from '../../../shared/rejections.js'
import { type Judgement, maxErrors, noValidMetrics } from './validate.js'

/**
 * The judgement with the metrics counted as rejected whose records the brokers refused for good, such as for their size:
 * their agent must not send them again.
 */
export function withRefused(judgement: Judgement, records: RecordBatch, refused: readonly RefusedRecord[]): Judgement {
  if (refused.length === 0) return judgement
  const reasons = new Map<number, string>()
  for (const { record, reason } of refused) {
    const end = metricsBefore(records, record + 1)
    for (let metric = metricsBefore(records, record); metric < end; metric++) reasons.set(metric, reason)
  }
  const indexOf = (metric: number) => judgement.indexes?.[metric] ?? metric
  const errors = [...reasons].map(([metric, reason]) => `metrics[${indexOf(metric)}] was refused by Kafka: ${reason}`)
  return {
    ...judgement,
    accepted: judgement.accepted - reasons.size,
    rejected: judgement.rejected + reasons.size,
    rejections: withReason(judgement.rejections, 'kafka.refused', reasons.size),
    errors: [...judgement.errors, ...errors].slice(0, maxErrors),
  }
}

const whereTheyAre = {
  kafka: 'acknowledged by Kafka',
  journal: 'on disk, to be sent to Kafka',
  memory: 'in memory, to be sent to Kafka',
} satisfies Record<Durability, string>

/** The 202; the problem is thrown when the brokers refused each metric that was valid. */
export function respond(judgement: Judgement, durability: Durability): Answer {
  const { received, accepted, rejected, errors } = judgement
  if (accepted === 0) throw noValidMetrics(judgement)
  return json(202, {
    status: rejected === 0 ? 'accepted' : 'partial',
    durability,
    metrics_received: received,
    metrics_accepted: accepted,
    metrics_rejected: rejected,
    message: `${accepted} ${accepted === 1 ? 'metric' : 'metrics'} ${whereTheyAre[durability]}`,
    errors,
  })
}

import type { Durability } from '../../../delivery/outcome.js'
import { type Answer, json } from '../../../shared/answer.js'
import type { Outcome } from '../../format.js'
import { noValidMetrics } from './validate.js'

const whereTheyAre = {
  kafka: 'acknowledged by Kafka',
  journal: 'on disk, to be sent to Kafka',
  memory: 'in memory, to be sent to Kafka',
} satisfies Record<Durability, string>

/** The 202; the problem is thrown when no metric was valid, or the brokers refused each that was. */
export function respond(outcome: Outcome): Answer {
  const { received, accepted, rejected, errors, doubt, durability } = outcome
  if (durability === undefined || accepted === 0) throw noValidMetrics(outcome)
  return json(202, {
    status: rejected === 0 ? 'accepted' : 'partial',
    durability,
    metrics_received: received,
    metrics_accepted: accepted,
    metrics_rejected: rejected,
    message: `${accepted} ${accepted === 1 ? 'metric' : 'metrics'} ${whereTheyAre[durability]}${doubt === undefined ? '' : `; ${doubt.text}`}`,
    errors,
  })
}

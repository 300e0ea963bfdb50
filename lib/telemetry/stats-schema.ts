import Type, { type Static } from 'typebox'
import { states } from './condition.js'

const count = Type.Integer({ minimum: 0 })
const share = Type.Number({ minimum: 0, maximum: 1 })
const seconds = Type.Number({ minimum: 0 })
const countsByName = Type.Record(Type.String(), count)

const buckets = Type.Object(
  { bounds: Type.Array(seconds), counts: Type.Array(count), sum: seconds },
  { description: 'Observations by bucket since the start; the last one of counts lies above the last bound.' },
)

const kafkaStatus = Type.Object({
  up: Type.Boolean(),
  message: Type.String(),
  partial: Type.Optional(Type.Boolean({ description: 'Some partitions take records, others do not' })),
})

/** Where each metric is that was received, or adopted with the journal of a process that has ended. */
const ledger = Type.Object(
  {
    received: count,
    adopted: count,
    rejected: count,
    skipped: count,
    deferred: count,
    acknowledged: count,
    dead_lettered: count,
    waiting: count,
    in_memory: count,
    in_flight: count,
    left: count,
    abandoned: count,
    lost: count,
    difference: Type.Integer(),
  },
  { description: 'Where each metric is that was received (or adopted); difference is 0.' },
)

/** The answer of GET /v1/stats, which its readers rely on; /openapi.json is made from it. */
export const statsSchema = Type.Object({
  service: Type.String(),
  environment: Type.String(),
  version: Type.String(),
  uptime_seconds: seconds,
  status: Type.Enum([...states], {
    type: 'string',
    description: 'degraded: something does not work, and batches get 202 all the same',
  }),
  reason: Type.String({ description: 'Why it is not operational' }),
  ingestion: Type.Object({
    batches_received: count,
    metrics_received: count,
    metrics_accepted: count,
    metrics_rejected: count,
    rejected_dead_letters: count,
    rejected_dead_letters_dropped: count,
    metrics_deferred: count,
    metrics_skipped: count,
    acceptance_rate: share,
    rejections: countsByName,
    skips: countsByName,
    doubts: Type.Record(Type.String(), count, {
      description: 'Batches that were taken and look wrong, such as by timestamps in seconds',
    }),
    formats: Type.Record(
      Type.String(),
      Type.Object({
        batches_received: count,
        metrics_received: count,
        metrics_accepted: count,
        metrics_rejected: count,
        metrics_skipped: count,
      }),
      { description: 'By the format that batches came in' },
    ),
    problems: countsByName,
  }),
  kafka: Type.Object({
    connected: Type.Boolean(),
    records_acknowledged: count,
    records_failed: count,
    metrics_late: count,
    bytes_acknowledged: count,
    success_rate: share,
    brokers: Type.Array(Type.Object({ name: Type.String(), up: Type.Boolean(), rtt_seconds: seconds, errors: count })),
  }),
  journal: Type.Object({
    metrics_journaled: count,
    metrics_replayed: count,
    metrics_waiting: count,
    batches_waiting: count,
    up: Type.Boolean({ description: 'Whether each worker can write it; false where there is none' }),
    bytes: count,
    limit_bytes: Type.Integer({ minimum: 0, description: 'The most that it may take on disk; 0 where there is none' }),
    unreadable: Type.Integer({
      minimum: 0,
      description:
        'Logs and files of the journal that cannot be read: what waits there is tried again, and not counted.',
    }),
    oldest_age_seconds: seconds,
  }),
  ledger,
  held: Type.Object({ bytes: count, limit_bytes: count }),
  latency: Type.Object({ request_duration_seconds: buckets, acknowledge_duration_seconds: buckets }),
  services: Type.Array(Type.Object({ service: Type.String(), metrics_received: count }), {
    description: 'The busiest, and all others as other',
  }),
  recent_problems: Type.Array(
    Type.Object({
      at: Type.String({ format: 'date-time' }),
      route: Type.String(),
      status: Type.Integer(),
      code: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
      reason: Type.String(),
      rejections: countsByName,
    }),
    { description: 'The last ones, newest first' },
  ),
  worker_restarts: count,
  workers: Type.Array(
    Type.Object({
      pid: count,
      slot: count,
      uptime_seconds: seconds,
      stale: Type.Boolean({ description: 'It did not answer in time: these are its last figures.' }),
      kafka: kafkaStatus,
      journal: Type.Optional(
        Type.Object({
          state: Type.Enum(['ok', 'full', 'unavailable'], { type: 'string' }),
          message: Type.String(),
          unreadable: count,
        }),
      ),
      metrics_received: count,
      metrics_accepted: count,
      metrics_in_flight: count,
      held_bytes: count,
      resident_memory_bytes: count,
      event_loop_lag_seconds: seconds,
      cpu_seconds: seconds,
    }),
  ),
})

export type Stats = Static<typeof statsSchema>

import type { DeadLetter } from '../delivery/dead-letter-topic.js'
import type { Durability, RefusedRecord } from '../delivery/outcome.js'
import { metricsBefore, type RecordBatch } from '../delivery/record-batch.js'
import type { Answer } from '../shared/answer.js'
import type { Problem } from '../shared/errors.js'
import { type Rejections, totalOf, withReason } from '../shared/rejections.js'
import type { Hold } from './byte-budget.js'
import type { Fault } from './metric.js'
import type { TraceContext } from './trace-context.js'

/** What agents speak: how a batch is read, and how it is answered. */
export type Format = {
  name: FormatName
  /** Media types that its bodies have, as the Accept header of a 415 names them. */
  accept: string
  takes: (contentType: string) => boolean
  /** Where another format comes with the same headers: the one that this body is in. */
  tellApart?: (body: Buffer) => Format
  /**
   * Judges the metrics of a body and makes records of the good ones.
   *
   * @throws {Problem} for what is no batch of this format, or too much of it
   */
  decode: (body: Buffer, request: DecodeRequest) => Intake
  /** @throws {Problem} where the format has one for a batch of which nothing was good */
  answer: (outcome: Outcome) => Answer
  problem: (problem: Problem) => Answer
}

/** As figures, settings and the load generator call them. */
export const formatNames = ['vantage', 'otlp-protobuf', 'otlp-json'] as const
export type FormatName = (typeof formatNames)[number]

/** `hold`: what is made of the body counts against it. `trace`: goes into records that lack it. */
export type DecodeRequest = { hold: Pick<Hold, 'grow'>; trace: TraceContext }

/** What was found in a body, its records ready for delivery. All numbers are of metrics. */
export type Intake = {
  received: number
  /** Those that are good. */
  accepted: number
  /** Of the accepted metrics; their bytes come from the pool, and who delivers them gives them back. */
  records: RecordBatch
  rejections: Rejections
  /** One text a rejected metric; the first `maxErrors`. */
  errors: readonly string[]
  /** What is odd about those that are good. */
  doubt?: Fault | undefined
  /** Valid, but without a value to store. */
  skips: Rejections
  /** For the rejected metrics, where these are asked for. */
  letters: readonly DeadLetter[]
  /** Who sent how many. */
  services: readonly ServiceMetrics[]
  /** What an error calls an accepted metric, where that is not by its number among these. */
  nameOf?: (metric: number) => string
}

export type ServiceMetrics = readonly [service: string, metrics: number]

/** What became of a batch. `durability` is undefined where there was nothing to deliver. */
export type Outcome = {
  received: number
  accepted: number
  rejected: number
  rejections: Rejections
  skips: Rejections
  errors: readonly string[]
  doubt?: Fault | undefined
  durability: Durability | undefined
}

export const maxErrors = 20

/** The records of a batch without a good metric. */
export const noRecords: RecordBatch = { bytes: Buffer.alloc(0), ends: new Uint32Array(), keys: [] }

/** How much memory it holds. */
export function bytesOf({ records, letters }: Intake): number {
  return letters.reduce((sum, { value }) => sum + value.length, records.bytes.length)
}

/**
 * What became of the batch, with the metrics counted as rejected whose records the brokers refused for good, such as for their
 * size: their agent must not send them again.
 */
export function outcomeOf(
  intake: Intake,
  durability: Durability | undefined,
  refused: readonly RefusedRecord[] = [],
): Outcome {
  const { received, accepted, skips, rejections, errors, doubt, nameOf = numbered } = intake
  const rejected = received - accepted - totalOf(skips)
  if (refused.length === 0) return { received, accepted, rejected, rejections, skips, errors, doubt, durability }
  const reasons = new Map<number, string>()
  for (const { record, reason } of refused) {
    const end = metricsBefore(intake.records, record + 1)
    for (let metric = metricsBefore(intake.records, record); metric < end; metric++) reasons.set(metric, reason)
  }
  const more = [...reasons].map(([metric, reason]) => `${nameOf(metric)} was refused by Kafka: ${reason}`)
  return {
    received,
    accepted: accepted - reasons.size,
    rejected: rejected + reasons.size,
    rejections: withReason(rejections, 'kafka.refused', reasons.size),
    skips,
    errors: [...errors, ...more].slice(0, maxErrors),
    doubt,
    durability,
  }
}

function numbered(metric: number): string {
  return `accepted metric ${metric}`
}

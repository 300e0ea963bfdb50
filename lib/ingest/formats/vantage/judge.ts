import type { Config } from '../../../config/config.js'
import type { DeadLetter } from '../../../delivery/dead-letter-topic.js'
import { noRejections } from '../../../shared/rejections.js'
import { decode, encodingOf } from './decode.js'
import { createLetters } from './letters.js'
import { agentVersionDefault, environmentDefault } from './metric-schema.js'
import { createScan } from './scan.js'
import { type SlicedBatch, sliceSize, spliceable } from './sliced-batch.js'
import { split } from './split.js'
import { createValidate, type Judgement, type Verdict } from './validate.js'

/** The judgement on a body, its good metrics, and letters for the bad ones where these are asked for. */
export type Judged = { judgement: Judgement; batch: SlicedBatch; letters: DeadLetter[] }

export type Judge = (bytes: Buffer) => Judged

/**
 * Says of a body which of its metrics are good, and where they stand in it. The function it returns throws a
 * {@link Problem} for what is not UTF-8, not JSON or not a batch.
 */
export function createJudge(config: Config): Judge {
  const validate = createValidate(config)
  const makeLetters = createLetters(config)
  // The key of a series is made from its metric, which the scan does not parse.
  const scan = config.kafkaPartitionKey === 'series' ? () => undefined : createScan(config)

  return function judge(bytes) {
    const encoding = encodingOf(bytes)
    const scanned = scan(bytes, encoding)
    if (scanned !== undefined) return { judgement: allGood(scanned.good), batch: scanned, letters: [] }
    const body = decode(bytes, encoding)
    const verdict = validate(body.value)
    const ranges = split(bytes, verdict.received)
    return { judgement: verdict, batch: slice(bytes, verdict, ranges), letters: makeLetters(bytes, verdict, ranges) }
  }
}

function allGood(metrics: number): Judgement {
  return { received: metrics, accepted: metrics, indexes: undefined, rejected: 0, rejections: noRejections, errors: [] }
}

/** The good metrics in the body. @param ranges where each metric stands, as `split` finds them */
export function slice(bytes: Buffer, { envelope, metrics, indexes }: Verdict, ranges: Uint32Array): SlicedBatch {
  const slices = new Uint32Array(sliceSize * metrics.length)
  for (const [n, metric] of metrics.entries()) {
    const index = indexes[n] ?? 0
    slices[sliceSize * n] = ranges[2 * index] ?? 0
    slices[sliceSize * n + 1] = ranges[2 * index + 1] ?? 0
    slices[sliceSize * n + 2] = spliceable.reduce((bits, name, bit) => (name in metric ? bits | (1 << bit) : bits), 0)
  }
  return {
    bytes,
    service: envelope.service_name,
    environment: envelope.environment ?? environmentDefault,
    agentVersion: envelope.agent_version ?? agentVersionDefault,
    good: metrics.length,
    slices,
    metrics,
  }
}

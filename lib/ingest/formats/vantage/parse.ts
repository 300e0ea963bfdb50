import { Problem } from '../../../shared/errors.js'
import { noRejections } from '../../../shared/rejections.js'
import type { Hold } from '../../byte-budget.js'
import { agentVersionDefault, environmentDefault, type Fault } from '../../metric.js'
import { surveyedSize } from '../../native/binding.js'
import { flawFault, flawTexts, inspect } from './inspect.js'
import { rewrite } from './rewrite.js'
import { type SlicedBatch, sliceSize, spliceable } from './sliced-batch.js'
import { skipString } from './split.js'
import type { Survey, Surveyed } from './survey.js'
import type { TextEncoding } from './text-encoding.js'
import { createValidate, invalidBatch, maxValues, type ValidationLimits, type Verdict } from './validate.js'

/** A batch that was parsed; `places` has `surveyedSize` numbers a metric, and is overwritten by the next one. */
export type Parsed = { verdict: Verdict; batch: SlicedBatch; places: Uint32Array }

export type Parse = (bytes: Buffer, encoding: TextEncoding, hold: Pick<Hold, 'grow'>) => Parsed

/** What a parsed value holds of memory at most, as measured for empty objects with names of their own. */
const bytesPerValue = 100
const newline = 0x0a
const carriageReturn = 0x0d
const openBracket = 0x5b
/** Which of the numbers of a metric says what, after the first one, which says where it starts. */
const [endAt, namesAt, flawAt, flawNameAt, oddAt] = [1, 2, 3, 4, 5]

/**
 * Parses what the scan was not sure of, each metric by itself. Nothing is parsed before the survey has found that it is JSON
 * and not too much of it. The function it returns throws a {@link Problem} for what is not, or is no batch.
 */
export function createParse(survey: Survey, limits: ValidationLimits): Parse {
  const validate = createValidate(limits)
  const mostValues = maxValues(limits)

  return function parse(bytes, encoding, hold) {
    const surveyed = survey(bytes)
    assertBounds(surveyed)
    hold.grow(surveyed.values * bytesPerValue)
    const faults = new Map<number, Fault>()
    const verdict = validate(readBatch(bytes, encoding, surveyed, faults), faults)
    return { verdict, batch: slice(bytes, verdict, surveyed.places), places: surveyed.places }
  }

  function assertBounds({ metrics, values, twice }: Surveyed): void {
    const { maxBatchSize } = limits
    if (metrics > maxBatchSize) {
      throw invalidBatch(metrics, {
        reason: 'batch.metrics.maxItems',
        text: `metrics must NOT have more than ${maxBatchSize} items`,
      })
    }
    if (twice !== undefined)
      throw invalidBatch(metrics, { reason: `batch.${twice}.twice`, text: `${twice} is there twice` })
    if (values <= mostValues) return
    throw new Problem('VANTAGE_BODY_TOO_LARGE', `The batch has more than ${mostValues} values`, {
      metricsReceived: metrics,
      rejections: metrics === 0 ? noRejections : { 'batch.values': metrics },
    })
  }
}

/** The known members of the envelope, and each metric that may be parsed. @param faults gets what is wrong with metrics */
function readBatch(bytes: Buffer, encoding: TextEncoding, surveyed: Surveyed, faults: Map<number, Fault>): unknown {
  if (!surveyed.isObject) return undefined
  const batch: Record<string, unknown> = {}
  for (const [name, [start, end]] of surveyed.members) {
    const isList = name === 'metrics' && bytes[start] === openBracket
    const value = isList
      ? readMetrics(bytes, encoding, surveyed, faults)
      : JSON.parse(bytes.toString(encoding, start, end))
    if (typeof value === 'string' && !value.isWellFormed()) {
      throw invalidBatch(surveyed.metrics, {
        reason: `batch.${name}.characters`,
        text: `${name} ${flawTexts.characters}`,
      })
    }
    batch[name] = value
  }
  return batch
}

function readMetrics(bytes: Buffer, encoding: TextEncoding, surveyed: Surveyed, faults: Map<number, Fault>): unknown[] {
  const { places, metrics } = surveyed
  const parsed = parseMetrics(bytes, encoding, surveyed)
  for (let n = 0; n < metrics; n++) {
    const first = surveyedSize * n
    const flaw = places[first + flawAt] ?? 0
    const named = places[first + flawNameAt] ?? 0
    const fault =
      flaw === 0
        ? inspect(parsed[n], places[first + namesAt] ?? 0, bytes, places[first] ?? 0)
        : flawFault(flaw, named === 0 ? '' : nameAt(bytes, named))
    if (fault !== undefined) faults.set(n, fault)
  }
  return parsed
}

/** Undefined for each that must not be parsed. Together they are parsed in two thirds of the time. */
function parseMetrics(bytes: Buffer, encoding: TextEncoding, { places, metrics, members }: Surveyed): unknown[] {
  const all = Array.from({ length: metrics }, (_, n) => surveyedSize * n)
  const parse = (from?: number, to?: number) => JSON.parse(bytes.toString(encoding, from, to))
  if (all.every((first) => places[first + flawAt] === 0)) return parse(...(members.get('metrics') ?? []))
  return all.map((first) => (places[first + flawAt] === 0 ? parse(places[first], places[first + endAt]) : undefined))
}

function nameAt(bytes: Buffer, start: number): string {
  return JSON.parse(bytes.toString('utf8', start, skipString(bytes, start)))
}

/**
 * The good metrics in the body. Behind the body come those that their records have otherwise than they are written.
 *
 * @param places `surveyedSize` numbers a metric of the batch
 */
function slice(bytes: Buffer, { envelope, metrics, indexes }: Verdict, places: Uint32Array): SlicedBatch {
  const slices = new Uint32Array(sliceSize * metrics.length)
  const parts = [bytes]
  let length = bytes.length
  for (const [n, metric] of metrics.entries()) {
    const first = surveyedSize * (indexes[n] ?? 0)
    let start = places[first] ?? 0
    let end = places[first + endAt] ?? 0
    if (places[first + oddAt] === 1) {
      const rewritten = rewrite(bytes, start)
      parts.push(rewritten)
      start = length
      length += rewritten.length
      end = length
    }
    slices[sliceSize * n] = start
    slices[sliceSize * n + 1] = end
    slices[sliceSize * n + 2] = spliceable.reduce((bits, name, bit) => bits | (metric[name] == null ? 0 : 1 << bit), 0)
  }
  return {
    bytes: parts.length === 1 ? bytes : Buffer.concat(parts, length),
    lineBreaks: bytes.includes(newline) || bytes.includes(carriageReturn),
    service: envelope.service_name,
    environment: envelope.environment ?? environmentDefault,
    agentVersion: envelope.agent_version ?? agentVersionDefault,
    good: metrics.length,
    slices,
    metrics,
  }
}

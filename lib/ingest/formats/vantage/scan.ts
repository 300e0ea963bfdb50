import { agentVersionDefault, environmentDefault, type Fault, instantLimits } from '../../metric.js'
import { binding, nullSize, placeSize } from '../../native/binding.js'
import type { Rules } from './scan-rules.js'
import { type SlicedBatch, spliceable } from './sliced-batch.js'
import type { TextEncoding } from './text-encoding.js'
import { doubtAbout } from './timestamp-unit.js'
import { maxValues, type ValidationLimits } from './validate.js'

/** The batch, if each of its metrics is good; undefined if not, or not surely. */
export type Scan = (bytes: Buffer, encoding: TextEncoding) => Scanned | undefined
/** `doubt`: what is odd about its metrics. */
export type Scanned = { batch: SlicedBatch; doubt: Fault | undefined }

const firstRoom = 1000

/**
 * Most batches are good in every metric and plainly written. The scan finds that out without making a value of
 * anything: it takes a seventh of the time of JSON.parse, ajv and split (bench/NOTES.md). All others are for these.
 */
export function createScan({ schema, envelope, metric }: Rules, limits: ValidationLimits): Scan {
  const ruleOf = (name: string) => envelope.findIndex((rule) => rule.name === name)
  const [service, environment, agentVersion] = [ruleOf('service_name'), ruleOf('environment'), ruleOf('agent_version')]
  /** The rules of `spliceable` are the last ones. */
  const others = metric.length - spliceable.length
  const nullable = metric.filter((rule) => rule.nullable).length
  const values = new Uint32Array(2 * envelope.length)
  const figures = new Float64Array(4)
  const mostValues = maxValues(limits)
  let places = new Uint32Array(0)
  let nulls = new Uint32Array(0)
  makeRoom(Math.min(firstRoom, limits.maxBatchSize))

  return function scan(bytes, encoding) {
    if (bytes.length / smallestMetric > places.length / placeSize) grow(bytes.length)
    const good = binding.scan(schema, bytes, places, nulls, values, figures)
    if (good === 0) return undefined
    const { oldest, newest } = instantLimits(limits)
    const first = figures[0] ?? 0
    const last = figures[1] ?? 0
    if (first < oldest || last > newest) return undefined
    if ((figures[2] ?? 0) > mostValues) return undefined
    const slices = places.slice(0, placeSize * good)
    for (let n = placeSize - 1; n < slices.length; n += placeSize) slices[n] = (slices[n] ?? 0) >>> others
    const batch = {
      bytes,
      lineBreaks: figures[3] === 1,
      service: textOf(service, bytes, encoding) ?? '',
      environment: textOf(environment, bytes, encoding) ?? environmentDefault,
      agentVersion: textOf(agentVersion, bytes, encoding) ?? agentVersionDefault,
      good,
      slices,
      metrics: undefined,
    }
    return { batch, doubt: doubtAbout(first, last) }
  }

  function grow(bytes: number): void {
    const metrics = Math.min(limits.maxBatchSize, Math.ceil(bytes / smallestMetric))
    if (placeSize * metrics > places.length) makeRoom(metrics)
  }

  function makeRoom(metrics: number): void {
    places = new Uint32Array(placeSize * metrics)
    nulls = new Uint32Array(nullSize * nullable * metrics)
  }

  /** A string of the envelope, without its quotes. */
  function textOf(rule: number, bytes: Buffer, encoding: TextEncoding): string | undefined {
    const start = values[2 * rule] ?? 0
    const end = values[2 * rule + 1] ?? 0
    return end === 0 ? undefined : bytes.toString(encoding, start + 1, end - 1)
  }
}

/** No metric that is good takes less. */
const smallestMetric = 80

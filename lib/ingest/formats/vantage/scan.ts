import { binding } from '../../native/binding.js'
import type { TextEncoding } from './decode.js'
import { agentVersionDefault, envelopeSchema, environmentDefault, metricSchema } from './metric-schema.js'
import { anyRule, rulesOf } from './scan-rules.js'
import { type SlicedBatch, sliceSize, spliceable } from './sliced-batch.js'
import { instantLimits, type ValidationLimits } from './validate.js'

/** The batch, if each of its metrics is good; undefined if not, or not surely. */
export type Scan = (bytes: Buffer, encoding: TextEncoding) => SlicedBatch | undefined

const firstRoom = 1000

/**
 * Most batches are good in every metric and plainly written. The scan finds that out without making a value of
 * anything: it takes a seventh of the time of JSON.parse, ajv and split (bench/NOTES.md). All others are for these.
 */
export function createScan(limits: ValidationLimits): Scan {
  const envelope = rulesOf(envelopeSchema(limits.maxBatchSize))
  const own = rulesOf(metricSchema, 'timestamp').filter(({ name }) => !spliceable.some((known) => known === name))
  const schema = binding.compile(envelope, [...own, ...spliceable.map(anyRule)])
  const ruleOf = (name: string) => envelope.findIndex((rule) => rule.name === name)
  const [service, environment, agentVersion] = [ruleOf('service_name'), ruleOf('environment'), ruleOf('agent_version')]
  const values = new Uint32Array(2 * envelope.length)
  const instants = new Float64Array(2)
  let room = new Uint32Array(sliceSize * Math.min(firstRoom, limits.maxBatchSize))

  return function scan(bytes, encoding) {
    if (bytes.length / smallestMetric > room.length / sliceSize) grow(bytes.length)
    const good = binding.scan(schema, bytes, room, values, instants)
    if (good === 0) return undefined
    const { oldest, newest } = instantLimits(limits)
    if ((instants[0] ?? 0) < oldest || (instants[1] ?? 0) > newest) return undefined
    const slices = room.slice(0, sliceSize * good)
    for (let n = sliceSize - 1; n < slices.length; n += sliceSize) slices[n] = (slices[n] ?? 0) >>> own.length
    return {
      bytes,
      service: textOf(service, bytes, encoding) ?? '',
      environment: textOf(environment, bytes, encoding) ?? environmentDefault,
      agentVersion: textOf(agentVersion, bytes, encoding) ?? agentVersionDefault,
      good,
      slices,
      metrics: undefined,
    }
  }

  function grow(bytes: number): void {
    const metrics = Math.min(limits.maxBatchSize, Math.ceil(bytes / smallestMetric))
    if (sliceSize * metrics > room.length) room = new Uint32Array(sliceSize * metrics)
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

import type { RecordBatch } from '../../../delivery/record-batch.js'
import type { BufferPool } from '../../../shared/buffer-pool.js'
import { createKeys, type PartitionKey } from '../../keys.js'
import { createLayOut, type LayoutOptions } from '../../layout.js'
import { binding } from '../../native/binding.js'
import type { TraceContext } from '../../trace-context.js'
import { type SlicedBatch, sliceSize, spliceable } from './sliced-batch.js'

const newline = 0x0a

/** The bit of a metric with a trace of its own: the span of the request is none of that. */
const hasTraceId = 1 << spliceable.indexOf('trace_id')

export type MakeRecords = (batch: SlicedBatch, trace: TraceContext) => RecordBatch

export type RecordOptions = LayoutOptions & { kafkaPartitionKey: PartitionKey }

/**
 * Makes the Kafka records of a batch: each good metric's own bytes from the body, with what the request knows and
 * the metric lacks (environment, agent_version, trace_id, span_id) spliced in before its closing brace. Their bytes
 * come from the pool; who delivers them gives them back.
 */
export function createRecords(options: RecordOptions, pool: BufferPool): MakeRecords {
  const keysOf = createKeys(options.kafkaPartitionKey)
  const layOut = createLayOut(options)

  return function records(batch, trace) {
    const { bytes: body, slices, good } = batch
    const suffixFor = createSuffixes([batch.environment, batch.agentVersion, trace.traceId, trace.spanId])
    const suffixes: Buffer[] = []
    const sizes = new Uint32Array(good)
    for (let n = 0; n < good; n++) {
      const suffix = suffixFor(slices[sliceSize * n + 2] ?? 0)
      suffixes.push(suffix)
      sizes[n] = withoutBrace(slices, n) - startOf(slices, n) + suffix.length
    }
    const layout = layOut(sizes)
    const bytes = pool.take(layout.ends.at(-1) ?? 0)
    if (batch.lineBreaks) binding.toOneLine(body)
    let at = 0
    let record = 0
    for (let n = 0; n < good; n++) {
      if (at === layout.ends[record]) record++
      else if (n > 0) bytes[at++] = newline
      at += body.copy(bytes, at, startOf(slices, n), withoutBrace(slices, n))
      at += suffixes[n]?.copy(bytes, at) ?? 0
    }
    return { bytes, ...layout, keys: keysOf(batch) }
  }
}

function startOf(slices: Uint32Array, n: number): number {
  return slices[sliceSize * n] ?? 0
}

function withoutBrace(slices: Uint32Array, n: number): number {
  return (slices[sliceSize * n + 1] ?? 1) - 1
}

/**
 * Makes the end of a record: the members that its metric lacks, and the closing brace. Each combination is encoded
 * once.
 *
 * @param values of the spliceable members, in their order; undefined for one that is not known
 */
function createSuffixes(values: readonly (string | undefined)[]) {
  const encoded: Buffer[] = []

  /** @param present which of them the metric has, a bit each */
  return function suffixFor(present: number): Buffer {
    const suffix = encoded[present] ?? encode(present)
    encoded[present] = suffix
    return suffix
  }

  function encode(present: number): Buffer {
    const spliced = spliceable.map((name, bit) => {
      const value = values[bit]
      const othersSpan = name === 'span_id' && (present & hasTraceId) !== 0
      const lacks = value !== undefined && (present & (1 << bit)) === 0 && !othersSpan
      return lacks ? `,${JSON.stringify(name)}:${JSON.stringify(value)}` : ''
    })
    return Buffer.from(`${spliced.join('')}}`)
  }
}

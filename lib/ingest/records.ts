import type { RecordBatch } from '../delivery/record-batch.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import type { Config } from '../shared/config.js'
import { agentVersionDefault, environmentDefault } from '../shared/metric-schema.js'
import type { DecodedBody } from './decode.js'
import { createKeys, type PartitionKey } from './keys.js'
import { layOutAlone, layOutLines } from './layout.js'
import { split } from './split.js'
import type { TraceContext } from './trace-context.js'
import type { Verdict } from './validate.js'

const newline = 0x0a
const carriageReturn = 0x0d
const space = 0x20

export type MakeRecords = (body: DecodedBody, verdict: Verdict, trace: TraceContext) => RecordBatch

export type RecordOptions = {
  kafkaPartitionKey: PartitionKey
  kafkaRecordFormat: Config['kafkaRecordFormat']
  /** For ndjson: the longest record that Kafka takes. */
  maxRecordBytes: number
}

/**
 * Makes the Kafka records of a batch: each accepted metric's own bytes from the body, with what the request knows and
 * the metric lacks (environment, agent_version, trace_id, span_id) spliced in before its closing brace. Their bytes
 * come from the pool; who delivers them gives them back.
 */
export function createRecords(options: RecordOptions, pool: BufferPool): MakeRecords {
  const keysOf = createKeys(options.kafkaPartitionKey)
  const ndjson = options.kafkaRecordFormat === 'ndjson'
  const layOut = ndjson ? layOutLines(options.maxRecordBytes) : layOutAlone

  return function records({ bytes: body }, verdict, trace) {
    const { envelope, accepted, indexes } = verdict
    const ranges = split(body, envelope.metrics.length)
    const suffixFor = createSuffixes([
      ['environment', envelope.environment ?? environmentDefault],
      ['agent_version', envelope.agent_version ?? agentVersionDefault],
      ...(trace.traceId === undefined ? [] : [['trace_id', trace.traceId] as const]),
      ...(trace.spanId === undefined ? [] : [['span_id', trace.spanId] as const]),
    ])
    const suffixes = accepted.map(suffixFor)
    const sizes = new Uint32Array(indexes.length)
    for (const [n, index] of indexes.entries()) {
      sizes[n] = withoutBrace(ranges, index) - startOf(ranges, index) + (suffixes[n]?.length ?? 0)
    }
    const layout = layOut(sizes)
    const bytes = pool.take(layout.ends.at(-1) ?? 0)
    if (ndjson) eraseLineBreaks(body)
    let at = 0
    let record = 0
    for (const [n, index] of indexes.entries()) {
      if (at === layout.ends[record]) record++
      else if (n > 0) bytes[at++] = newline
      at += body.copy(bytes, at, startOf(ranges, index), withoutBrace(ranges, index))
      at += suffixes[n]?.copy(bytes, at) ?? 0
    }
    return { bytes, ...layout, keys: keysOf(envelope.service_name, accepted) }
  }
}

/** Makes a metric one line: JSON has line breaks between its tokens only, where a space says the same. */
function eraseLineBreaks(body: Buffer): void {
  if (!body.includes(newline) && !body.includes(carriageReturn)) return
  for (const [at, byte] of body.entries()) if (byte === newline || byte === carriageReturn) body[at] = space
}

function startOf(ranges: Uint32Array, index: number): number {
  return ranges[2 * index] ?? 0
}

function withoutBrace(ranges: Uint32Array, index: number): number {
  return (ranges[2 * index + 1] ?? 1) - 1
}

/**
 * Makes the end of a record: the members that its metric lacks, and the closing brace. Each combination is encoded
 * once.
 */
function createSuffixes(members: (readonly [name: string, value: string])[]) {
  const encoded: Buffer[] = []
  const names = members.map(([name]) => name)

  return function suffixFor(metric: object): Buffer {
    let lacking = 0
    for (let bit = 0; bit < names.length; bit++) if (!((names[bit] ?? '') in metric)) lacking |= 1 << bit
    const suffix = encoded[lacking] ?? encode(lacking)
    encoded[lacking] = suffix
    return suffix
  }

  function encode(lacking: number): Buffer {
    const spliced = members
      .filter((_, bit) => lacking & (1 << bit))
      .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    return Buffer.from(`${spliced.join('')}}`)
  }
}

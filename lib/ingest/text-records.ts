import type { RecordBatch } from '../delivery/record-batch.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import { createKeysOfMany, type PartitionKey } from './keys.js'
import { createLayOut, type LayoutOptions } from './layout.js'

export type TextRecordOptions = LayoutOptions & { kafkaPartitionKey: PartitionKey }

/** Values of records, in order. A metric counts with the first of its values: `metricEnds` says how many there are up to each. */
export type TextRecords = {
  values: readonly string[]
  metricEnds: readonly number[]
  /** The number of its service for each value. */
  serviceOf: readonly number[]
  services: readonly string[]
}

export type MakeTextRecords = (records: TextRecords) => RecordBatch

/** Makes the records of a batch from JSON texts. Their bytes come from the pool; who delivers them gives them back. */
export function createTextRecords(options: TextRecordOptions, pool: BufferPool): MakeTextRecords {
  const keysOf = createKeysOfMany(options.kafkaPartitionKey)
  const layOut = createLayOut(options)

  return function makeRecords({ values, metricEnds, serviceOf, services }) {
    // Only values of one service share a record.
    const layout = layOut(Uint32Array.from(values, byteLength), (n) => serviceOf[n] !== serviceOf[n - 1])
    const { ends } = layout
    const bytes = pool.take(ends.at(-1) ?? 0)
    let at = 0
    let record = 0
    for (const [n, value] of values.entries()) {
      if (at === ends[record]) record++
      else if (n > 0) at += bytes.write('\n', at)
      at += bytes.write(value, at)
    }
    const lasts = Array.from(ends, (_, n) => (layout.metricEnds?.[n] ?? n + 1) - 1)
    const keys = keysOf({ services, serviceOf: lasts.map((n) => serviceOf[n] ?? 0), values: () => values })
    const isMetricEach = lasts.every((n, record) => metricEnds[n] === record + 1)
    return {
      bytes,
      ends,
      keys,
      ...(!isMetricEach && { metricEnds: Uint32Array.from(lasts, (n) => metricEnds[n] ?? 0) }),
    }
  }
}

function byteLength(value: string): number {
  return Buffer.byteLength(value)
}

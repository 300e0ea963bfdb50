import type { Config } from '../config/config.js'
import type { RecordBatch } from '../delivery/record-batch.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import { createKeysOfMany } from './keys.js'

export type TextRecordOptions = Pick<Config, 'kafkaPartitionKey' | 'kafkaRecordFormat'> & {
  /** For ndjson: the longest record that Kafka takes. */
  maxRecordBytes: number
}

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
  const isTogether = options.kafkaRecordFormat === 'ndjson' ? fitTogether(options.maxRecordBytes) : () => false

  return function makeRecords({ values, metricEnds, serviceOf, services }) {
    const sizes = values.map((value) => Buffer.byteLength(value))
    const isLast = lastsOf(sizes, serviceOf, isTogether)
    const bytes = pool.take(sizes.reduce((sum, size, n) => sum + size + (isLast[n] ? 0 : 1), 0))
    const lasts: number[] = []
    const ends: number[] = []
    let at = 0
    for (const [n, value] of values.entries()) {
      at += bytes.write(value, at)
      if (!isLast[n]) {
        at += bytes.write('\n', at)
        continue
      }
      lasts.push(n)
      ends.push(at)
    }
    const ofRecords = {
      services,
      serviceOf: lasts.map((n) => serviceOf[n] ?? 0),
      values: () => values,
    }
    const isMetricEach = lasts.every((n, record) => metricEnds[n] === record + 1)
    return {
      bytes,
      ends: Uint32Array.from(ends),
      keys: keysOf(ofRecords),
      ...(!isMetricEach && { metricEnds: Uint32Array.from(lasts, (n) => metricEnds[n] ?? 0) }),
    }
  }
}

/** Whether a value still fits into a record that has so many bytes, as a line more. */
type IsTogether = (recordBytes: number, size: number) => boolean

function fitTogether(maxRecordBytes: number): IsTogether {
  return (recordBytes, size) => recordBytes + 1 + size <= maxRecordBytes
}

/** For each value whether it is the last of its record. Only values of one service share a record. */
function lastsOf(sizes: readonly number[], serviceOf: readonly number[], isTogether: IsTogether): boolean[] {
  let recordBytes = 0
  return sizes.map((size, n) => {
    recordBytes += recordBytes === 0 ? size : size + 1
    const next = sizes[n + 1]
    if (next !== undefined && serviceOf[n + 1] === serviceOf[n] && isTogether(recordBytes, next)) return false
    recordBytes = 0
    return true
  })
}

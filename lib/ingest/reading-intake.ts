import type { DeadLetter } from '../delivery/dead-letter-topic.js'
import { type RecordBatch, recordValue } from '../delivery/record-batch.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import { excerpt } from '../shared/excerpt.js'
import { type Intake, maxErrors, noRecords } from './format.js'
import { createKeysOfMany, type PartitionKey } from './keys.js'
import type { NativeReading, Reader } from './native/reader.js'

/** What a reader has found in a body that can be read. */
export type Reading = Extract<NativeReading, { fault: undefined }>

/** Which metric an error is about, such as "point 7 (http.requests)". */
export type NameMetric = (index: number, name: string) => string

const noLetters: readonly DeadLetter[] = []
const maxShownName = 100

/**
 * Takes what a reader in C has found out of it, as an intake. The function it returns must be called before the reader reads
 * again: without an await between.
 *
 * @param texts what is wrong with a rejected metric, by reason
 */
export function createTakeReading(
  partitionKey: PartitionKey,
  pool: BufferPool,
  texts: Readonly<Record<string, string>>,
  nameMetric: NameMetric,
) {
  const keysOf = createKeysOfMany(partitionKey)

  return function takeReading(reader: Reader, reading: Reading): Intake {
    const { received, accepted, rejected, skipped, rejections } = reading
    const services = reading.services.map(({ name, metrics }) => [name, metrics] as const)
    return {
      received,
      accepted,
      records: accepted === 0 ? noRecords : recordsOf(reader, reading),
      rejections: rejected,
      errors: rejections
        .slice(0, maxErrors)
        .map(
          ({ index, reason, name }) => `${nameMetric(index, excerpt(name, maxShownName))}: ${texts[reason] ?? reason}`,
        ),
      skips: skipped,
      letters: noLetters,
      services,
    }
  }

  function recordsOf(reader: Reader, { records, bytes: length, accepted, services }: Reading): RecordBatch {
    const bytes = pool.take(length)
    const { ends, metricEnds, serviceOf } = reader.take(records, bytes)
    const batch = { bytes, ends, keys: [] }
    const keys = keysOf({ services: services.map(({ name }) => name), serviceOf, values: () => valuesOf(batch) })
    const isMetricEach = accepted === records && metricEnds.every((end, record) => end === record + 1)
    return isMetricEach ? { bytes, ends, keys } : { bytes, ends, keys, metricEnds }
  }
}

function* valuesOf(batch: RecordBatch): Generator<string> {
  for (const record of batch.ends.keys()) yield recordValue(batch, record).toString()
}

/** The Kafka records of one request, values laid end to end so that a batch is one allocation. */
export type RecordBatch = {
  bytes: Buffer
  /** Where each record's value ends in `bytes`; it begins where the one before ends. */
  ends: Uint32Array
  /** A key each, or a single one for all, or none. */
  keys: readonly Buffer[]
  /** How many metrics of the batch there are up to each record's end; absent where each record is one metric. */
  metricEnds?: Uint32Array
}

/** The value of record `n`, a view into the batch. */
export function recordValue(batch: RecordBatch, n: number): Buffer {
  return batch.bytes.subarray(n === 0 ? 0 : batch.ends[n - 1], batch.ends[n])
}

/** How many metrics the first `n` records hold. */
export function metricsBefore({ metricEnds }: RecordBatch, n: number): number {
  return metricEnds === undefined ? n : (metricEnds[n - 1] ?? 0)
}

/** The key of record `n`; undefined for none. */
export function recordKey(batch: RecordBatch, n: number): Buffer | undefined {
  return batch.keys[batch.keys.length === 1 ? 0 : n]
}

/** How many metrics the records of a batch hold. */
export function metricsIn(batch: RecordBatch): number {
  return metricsBefore(batch, batch.ends.length)
}

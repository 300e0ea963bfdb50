import type { ReaderOptions } from '../../lib/ingest/native/binding.js'
import type { Reader } from '../../lib/ingest/native/reader.js'

/** What readers in C are given where a test says nothing else. */
export const readerOptions: ReaderOptions = {
  environment: 'development',
  agentVersion: 'unknown',
  noService: 'unknown_service',
  buckets: false,
  ndjson: false,
  maxMetrics: 1000,
  maxBytes: 10_000_000,
  maxRecordBytes: 1000,
}

/** The records of the last reading, as texts. */
export function takeLines(reader: Reader, reading: { records: number; bytes: number }) {
  const bytes = Buffer.alloc(reading.bytes)
  const { ends, metricEnds, serviceOf } = reader.take(reading.records, bytes)
  const lines = Array.from(ends, (end, n) => bytes.toString('utf8', ends[n - 1] ?? 0, end))
  return { lines, metricEnds: [...metricEnds], serviceOf: [...serviceOf] }
}

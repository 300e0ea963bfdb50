import type { RecordBatch } from '../delivery/record-batch.js'

/** Where each record of a batch ends, in bytes and in metrics. */
export type Layout = Pick<RecordBatch, 'ends' | 'metricEnds'>

/** Decides which metrics share a record, from the size of each. */
export type LayOut = (sizes: Uint32Array) => Layout

/** A record a metric. */
export function layOutAlone(sizes: Uint32Array): Layout {
  let end = 0
  return { ends: sizes.map((size) => (end += size)) }
}

/**
 * As many metrics a record as fit into `maxRecordBytes`, with one byte between them for a newline. A metric that is
 * longer has its record to itself, to be judged by Kafka.
 */
export function layOutLines(maxRecordBytes: number): LayOut {
  return (sizes) => {
    const ends: number[] = []
    const metricEnds: number[] = []
    let start = 0
    let end = 0
    for (const [n, size] of sizes.entries()) {
      if (n > 0 && end + 1 + size - start > maxRecordBytes) {
        ends.push(end)
        metricEnds.push(n)
        start = end
      }
      end += end === start ? size : size + 1
    }
    return { ends: Uint32Array.from([...ends, end]), metricEnds: Uint32Array.from([...metricEnds, sizes.length]) }
  }
}

import type { Config } from '../config/config.js'
import type { RecordBatch } from '../delivery/record-batch.js'

/** Where each record of a batch ends, in bytes and in metrics. */
export type Layout = Pick<RecordBatch, 'ends' | 'metricEnds'>

/** Decides which lines share a record, from the size of each. A line that `isApart` shares none with the line before it. */
export type LayOut = (sizes: Uint32Array, isApart?: (line: number) => boolean) => Layout

export type LayoutOptions = {
  kafkaRecordFormat: Config['kafkaRecordFormat']
  /** For ndjson: the longest record that Kafka takes. */
  maxRecordBytes: number
}

export function createLayOut({ kafkaRecordFormat, maxRecordBytes }: LayoutOptions): LayOut {
  return kafkaRecordFormat === 'ndjson' ? layOutLines(maxRecordBytes) : layOutAlone
}

/** A record a metric. */
function layOutAlone(sizes: Uint32Array): Layout {
  let end = 0
  return { ends: sizes.map((size) => (end += size)) }
}

/**
 * As many metrics a record as fit into `maxRecordBytes`, with one byte between them for a newline. A metric that is
 * longer has its record to itself, to be judged by Kafka.
 */
function layOutLines(maxRecordBytes: number): LayOut {
  return (sizes, isApart) => {
    const ends: number[] = []
    const metricEnds: number[] = []
    let start = 0
    let end = 0
    for (const [n, size] of sizes.entries()) {
      if (n > 0 && (end + 1 + size - start > maxRecordBytes || isApart?.(n) === true)) {
        ends.push(end)
        metricEnds.push(n)
        start = end
      }
      end += end === start ? size : size + 1
    }
    return { ends: Uint32Array.from([...ends, end]), metricEnds: Uint32Array.from([...metricEnds, sizes.length]) }
  }
}

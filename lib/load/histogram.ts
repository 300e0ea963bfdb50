import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'

export type { Histogram }

const microseconds = 1000
/** Ten minutes: longer than anything waits. */
const highestMicroseconds = 6e8

/** Counts latencies with three significant digits, in microseconds. */
export function createHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestMicroseconds,
    numberOfSignificantValueDigits: 3,
  })
}

export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(highestMicroseconds, Math.max(1, Math.round(ms * microseconds))))
}

export function atPercentileMs(histogram: Histogram, percentile: number): number {
  return histogram.getValueAtPercentile(percentile) / microseconds
}

/** As text, for another process or a file: HdrHistogram's own compressed form, which its other tools read, too. */
export function encode(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram)
}

export function decode(text: string): Histogram {
  return decodeFromCompressedBase64(text)
}

import type { Fault } from '../../metric.js'

/**
 * Where instants of this age stand in each unit: seconds from 1973 to 5138, and these bounds times a thousand and so on. In
 * milliseconds, they would lie before 1973 or after 5138.
 */
const [firstSecond, firstMillisecond, firstMicrosecond, firstNanosecond] = [1e8, 1e11, 1e14, 1e17]

type Unit = 'seconds' | 'microseconds' | 'nanoseconds'

/** What a number looks like that should be Unix milliseconds; undefined where it looks like these, or like nothing. */
export function unitOf(timestamp: number): Unit | undefined {
  if (timestamp >= firstMillisecond && timestamp < firstMicrosecond) return undefined
  if (timestamp >= firstNanosecond) return 'nanoseconds'
  if (timestamp >= firstMicrosecond) return 'microseconds'
  return timestamp >= firstSecond ? 'seconds' : undefined
}

/** What is odd about a batch with such timestamps, each of which is allowed. */
export function doubtAbout(...timestamps: readonly number[]): Fault | undefined {
  const unit = timestamps.map(unitOf).find((found) => found !== undefined)
  if (unit === undefined) return undefined
  return { reason: `timestamp.${unit}`, text: `timestamps look like ${unit}, and are read as milliseconds` }
}

/** Stands behind what is wrong with a timestamp, where another unit explains it. */
export function unitHint(timestamp: unknown): string {
  const unit = typeof timestamp === 'number' ? unitOf(timestamp) : undefined
  return unit === undefined ? '' : `: it looks like ${unit}, and must be milliseconds`
}

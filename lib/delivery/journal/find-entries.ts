import { decodeEntryAt, type FoundEntry, findEntry, lengthOfEntryAt, longestHead } from './entry.js'

/** What is in a buffer: its entries, how many bytes were none, and where the scan ended. */
export type Scan = { entries: FoundEntry[]; damagedBytes: number; end: number }

/**
 * Finds the entries of a buffer from `start` on and passes over what is none. An entry that the buffer cuts off is left
 * to the next read, which starts with it; where nothing `follows` the buffer, or the entry is all there is, it is damaged.
 */
export function scan(source: Buffer, start: number, { follows }: { follows: boolean }): Scan {
  const entries: FoundEntry[] = []
  let damagedBytes = 0
  let at = start
  while (at < source.length) {
    const entry = decodeEntryAt(source, at)
    if (entry === undefined) {
      if (follows && at > start && isCutOff(source, at)) break
      const next = findEntry(source, at + 1)
      damagedBytes += next - at
      at = next
    } else {
      entries.push(entry)
      at = entry.end
    }
  }
  return { entries, damagedBytes, end: at }
}

function isCutOff(source: Buffer, at: number): boolean {
  const left = source.length - at
  return left < longestHead || (lengthOfEntryAt(source, at) ?? 0) > left
}

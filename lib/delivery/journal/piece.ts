import { lengthOfEntryAt } from './entry.js'
import { type Scan, scan } from './find-entries.js'
import type { Segment } from './segment.js'

/** Reads the entries of a segment from `position` on, about `maxBytes`, one at the least unless their bytes are damaged. */
export async function readPiece(segment: Segment, position: number, maxBytes: number): Promise<Scan> {
  // As it is now: it may grow while it is read.
  const left = segment.size - position
  let source = await segment.read(position, maxBytes)
  const length = Math.max(maxBytes, lengthOfEntryAt(source, 0) ?? 0)
  if (length > maxBytes) source = await segment.read(position, length)
  // The file was made shorter, perhaps by a crash of the machine.
  const isCutOff = source.length < Math.min(length, left)
  const follows = !isCutOff && source.length < segment.size - position
  const found = scan(source, 0, { follows })
  return isCutOff ? { ...found, damagedBytes: found.damagedBytes + left - found.end, end: left } : found
}

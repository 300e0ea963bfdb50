import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../../shared/errors.js'
import type { JournalEntry } from './entry.js'
import { readPiece } from './piece.js'
import { Segment } from './segment.js'

/** What a reader met: an entry, and how many bytes it takes. */
export type ReadEntry = JournalEntry & { bytes: number }

const pieceBytes = 4 * 2 ** 20

/**
 * Reads the entries of a log that are not noted as finished, some at a time, without changing anything: the process that
 * writes it may be running. Finished ones may be among them, since that is noted now and then only.
 *
 * @throws {Error} with the system's code when a part of it cannot be read
 */
export async function* readLog(directory: string): AsyncGenerator<ReadEntry> {
  const names = await readdir(directory).catch(noneIfDeleted<string[]>([]))
  for (const name of names.sort()) {
    const isSegment = name.endsWith('.log')
    const segment = isSegment && (await Segment.open(join(directory, name)).catch(noneIfDeleted(undefined)))
    if (segment) yield* readSegment(segment)
  }
}

/** Its owner may have finished and deleted it meanwhile. */
function noneIfDeleted<T>(none: T): (error: unknown) => T {
  return (error) => {
    if (isMissing(error)) return none
    throw error
  }
}

async function* readSegment(segment: Segment): AsyncGenerator<ReadEntry> {
  try {
    let cursor = await segment.marked()
    while (cursor < segment.size) {
      const { entries, end } = await readPiece(segment, cursor, pieceBytes)
      for (const { start, end: entryEnd, ...entry } of entries) yield { ...entry, bytes: entryEnd - start }
      cursor += end
    }
  } finally {
    await segment.close()
  }
}

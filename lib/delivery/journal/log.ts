import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { metricsIn } from '../record-batch.js'
import { type JournalEntry, lengthOfEntryAt } from './entry.js'
import { type Scan, scan } from './find-entries.js'
import { Segment } from './segment.js'
import { syncDirectory } from './sync-directory.js'

/** Names one entry, from its being written until it is finished. */
export type EntryRef = {
  readonly part: Part
  readonly start: number
  readonly end: number
  readonly metrics: number
  readonly firstSeenMs: number
}

/** An entry to be written. One that is `held` is not given out by `take`. */
export type NewEntry = { bytes: Buffer; metrics: number; firstSeenMs: number; held: boolean }

export type TakenEntry = { ref: EntryRef; entry: JournalEntry }

/** What has not been finished. */
export type LogTotals = { entries: number; metrics: number; bytes: number }

/** Unreadable bytes of a file. `metrics`: those that were written there since the log was opened, and are lost. */
export type Damage = { file: string; bytes: number; metrics: number }

export type LogOptions = {
  directory: string
  segmentBytes: number
  /** Where segments go that had unreadable bytes, once all the rest of them is finished. */
  damagedPath: string
  /** Told of bytes that are no entry. The entries around them are kept, and the file, too. */
  onDamage: (damage: Damage) => void
}

/** A segment and what is known of its entries. */
export type Part = {
  segment: Segment
  /** Where the next entry to be taken starts. */
  cursor: number
  /** Entries that were taken or are held, by where they start, until they are finished. */
  readonly open: Map<number, EntryRef>
  /** Entries that were held and finished before they were taken, by where they start. */
  readonly skipped: Set<number>
  entries: number
  metrics: number
  /** When its oldest entry that was not taken yet came, or somewhat earlier. */
  firstSeenMs: number
  damagedBytes: number
  /** Whether that was told. */
  damageTold: boolean
  /** How far all is finished, as noted on disk. */
  marked: number
}

const segmentName = /^\d{8}\.log$/
const scanBytes = 4 * 2 ** 20
/** How much may be finished before that is noted: what a crash may send twice. */
const markEveryBytes = 256 * 1024

/**
 * Entries in the order they came, in segments of a directory: written at one end, taken at the other, and finished in
 * any order. Memory is held for entries that are taken or held, not for those that wait.
 */
export class Log {
  readonly #options: LogOptions
  /** Oldest first. */
  readonly #parts: Part[] = []
  #nextNumber = 1
  #appending: Part | undefined

  private constructor(options: LogOptions) {
    this.#options = options
  }

  /** Opens the log in a directory, which is made if need be, and counts what is in it. */
  static async open(options: LogOptions): Promise<Log> {
    const log = new Log(options)
    const made = await mkdir(options.directory, { recursive: true, mode: 0o750 })
    if (made !== undefined) await syncDirectory(dirname(made))
    const names = (await readdir(options.directory)).filter((name) => segmentName.test(name)).sort()
    for (const name of names) await log.#openPart(name)
    return log
  }

  get directory(): string {
    return this.#options.directory
  }

  has(part: Part): boolean {
    return this.#parts.includes(part)
  }

  get totals(): LogTotals {
    let [entries, metrics, bytes] = [0, 0, 0]
    for (const part of this.#parts) {
      entries += part.entries
      metrics += part.metrics
      bytes += part.segment.size
    }
    return { entries, metrics, bytes }
  }

  /** When the oldest entry that is not finished came, in Unix ms; undefined if there is none. */
  get oldestMs(): number | undefined {
    const oldest = this.#parts.filter(({ entries }) => entries > 0).map(oldestOf)
    return oldest.length === 0 ? undefined : Math.min(...oldest)
  }

  /**
   * Writes entries, all or none. Resolves when they are on disk. To be called again only then.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async append(entries: readonly NewEntry[]): Promise<EntryRef[]> {
    const part = this.#lastWritable() ?? (await this.#begin())
    // Not deleted from now on, although all of it may be finished.
    this.#appending = part
    let end = part.segment.size
    const refs = entries.map(({ bytes, metrics, firstSeenMs }) => {
      const start = end
      end += bytes.length
      return { part, start, end, metrics, firstSeenMs }
    })
    // Held before they can be seen, so that nobody takes them in between.
    const held = refs.filter((_, n) => entries[n]?.held)
    for (const ref of held) part.open.set(ref.start, ref)
    try {
      await part.segment.append(entries.map(({ bytes }) => bytes))
    } catch (error) {
      for (const { start } of held) part.open.delete(start)
      throw error
    } finally {
      this.#appending = undefined
    }
    for (const { metrics, firstSeenMs } of refs) {
      if (part.entries === 0) part.firstSeenMs = firstSeenMs
      part.entries++
      part.metrics += metrics
    }
    return refs
  }

  /** The oldest entries that are neither taken, held nor finished: about `maxBytes` of them, one at the least. */
  async take(maxBytes: number): Promise<TakenEntry[]> {
    for (const part of [...this.#parts]) {
      while (part.cursor < part.segment.size) {
        const taken = await this.#takeFrom(part, maxBytes)
        if (taken.length > 0) return taken
      }
      await this.#retire(part)
    }
    return []
  }

  /** The entries are done with. Their space is free once all of their segment is. */
  async finish(refs: readonly EntryRef[]): Promise<void> {
    const parts = new Set<Part>()
    for (const { part, start, metrics } of refs) {
      if (!part.open.delete(start)) continue
      if (start >= part.cursor) part.skipped.add(start)
      part.entries--
      part.metrics -= metrics
      parts.add(part)
    }
    for (const part of parts) if (!(await this.#retire(part))) await this.#mark(part)
  }

  /** Closes its files; an empty log leaves nothing behind. */
  async close(): Promise<void> {
    for (const part of this.#parts) {
      if (part.entries === 0) await part.segment.remove()
      else await part.segment.close()
    }
    const left = await readdir(this.directory)
    if (left.length === 0) await rm(this.directory, { recursive: true })
  }

  #lastWritable(): Part | undefined {
    const last = this.#parts.at(-1)
    if (last === undefined || last.segment.sealed) return undefined
    return last.segment.size < this.#options.segmentBytes ? last : undefined
  }

  /** Begins a new segment. */
  async #begin(): Promise<Part> {
    const last = this.#parts.at(-1)
    last?.segment.seal()
    const name = `${String(this.#nextNumber).padStart(8, '0')}.log`
    const segment = await Segment.create(join(this.directory, name))
    this.#nextNumber++
    await syncDirectory(this.directory)
    const part = newPart(segment)
    this.#parts.push(part)
    this.#appending = part
    if (last !== undefined) await this.#retire(last)
    return part
  }

  async #openPart(name: string): Promise<void> {
    const segment = await Segment.open(join(this.directory, name))
    const part = newPart(segment)
    part.marked = await segment.marked()
    part.cursor = part.marked
    this.#nextNumber = Number(basename(name, '.log')) + 1
    this.#parts.push(part)
    // Counting reads everything once, and forgets it.
    while (part.cursor < segment.size) {
      const found = await read(part, scanBytes)
      for (const entry of found.entries) {
        if (part.entries === 0) part.firstSeenMs = entry.firstSeenMs
        part.entries++
        part.metrics += metricsIn(entry.batch)
      }
      pass(part, found)
    }
    part.cursor = part.marked
    if (part.damagedBytes > 0) this.#tellDamage(part)
    await this.#retire(part)
  }

  async #takeFrom(part: Part, maxBytes: number): Promise<TakenEntry[]> {
    const found = await read(part, maxBytes)
    const base = part.cursor
    // At once with what follows: between them, all of the part would seem to be read and done with.
    pass(part, found)
    return found.entries.flatMap((entry) => {
      const start = base + entry.start
      if (part.open.has(start) || part.skipped.delete(start)) return []
      const { firstSeenMs, batch } = entry
      const ref = { part, start, end: base + entry.end, metrics: metricsIn(batch), firstSeenMs }
      part.open.set(start, ref)
      part.firstSeenMs = firstSeenMs
      return [{ ref, entry: { batch, firstSeenMs } }]
    })
  }

  /** Deletes a segment that is finished. One that had unreadable bytes is kept under another name. */
  async #retire(part: Part): Promise<boolean> {
    const { segment, cursor, open, entries } = part
    const isRead = cursor >= segment.size && open.size === 0
    if (entries > 0 && !isRead) return false
    if (part !== this.#appending) segment.seal()
    if (!segment.sealed) return false
    const index = this.#parts.indexOf(part)
    if (index === -1) return true
    this.#parts.splice(index, 1)
    if (part.damagedBytes > 0) {
      // What the totals count and was not found is lost.
      if (!part.damageTold || part.metrics > 0) this.#tellDamage(part, part.metrics)
      await segment.setAside(this.#options.damagedPath)
    } else await segment.remove()
    return true
  }

  #tellDamage(part: Part, metrics = 0): void {
    part.damageTold = true
    this.#options.onDamage({ file: part.segment.path, bytes: part.damagedBytes, metrics })
  }

  async #mark(part: Part): Promise<void> {
    let position = part.cursor
    for (const start of part.open.keys()) if (start < position) position = start
    if (position - part.marked < markEveryBytes) return
    part.marked = position
    await part.segment.mark(position)
  }
}

/** Reads the entries at the cursor of a part, one at the least unless their bytes are damaged. */
async function read({ segment, cursor }: Part, maxBytes: number): Promise<Scan> {
  // As it is now: it may grow while it is read.
  const left = segment.size - cursor
  let source = await segment.read(cursor, maxBytes)
  const length = Math.max(maxBytes, lengthOfEntryAt(source, 0) ?? 0)
  if (length > maxBytes) source = await segment.read(cursor, length)
  // Somebody, or a crash of the machine, has made the file shorter than it was.
  const isCutOff = source.length < Math.min(length, left)
  const follows = !isCutOff && source.length < segment.size - cursor
  const found = scan(source, 0, { follows })
  return isCutOff ? { ...found, damagedBytes: found.damagedBytes + left - found.end, end: left } : found
}

/** Moves the cursor behind what was read. */
function pass(part: Part, { damagedBytes, end }: Scan): void {
  part.damagedBytes += damagedBytes
  part.cursor += end
}

function newPart(segment: Segment): Part {
  return {
    segment,
    cursor: 0,
    open: new Map(),
    skipped: new Set(),
    entries: 0,
    metrics: 0,
    firstSeenMs: 0,
    damagedBytes: 0,
    damageTold: false,
    marked: 0,
  }
}

function oldestOf({ cursor, segment, open, firstSeenMs }: Part): number {
  let oldest = cursor < segment.size ? firstSeenMs : Infinity
  for (const ref of open.values()) if (ref.firstSeenMs < oldest) oldest = ref.firstSeenMs
  return oldest
}

import { metricsIn } from '../record-batch.js'
import type { JournalEntry } from './entry.js'
import type { Scan } from './find-entries.js'
import { readPiece } from './piece.js'
import { Segment } from './segment.js'

/** Where an entry lies, from when it is written until it is finished. */
export type EntryPlace = {
  readonly part: Part
  readonly start: number
  readonly end: number
  readonly metrics: number
  readonly firstSeenMs: number
}

/**
 * An entry to be written. One that is `held` is not given out by `take`. One that has become `unwanted` while it was written
 * is finished when it is on disk: nothing was promised on it.
 */
export type NewEntry = { bytes: Buffer; metrics: number; firstSeenMs: number; held: boolean; unwanted?: boolean }

export type PlacedEntry = { place: EntryPlace; entry: JournalEntry }

const scanBytes = 4 * 2 ** 20
/** How much may be finished before that is noted: what a crash may send twice. */
const markEveryBytes = 256 * 1024

/** A segment, and what is known of its entries. */
export class Part {
  readonly segment: Segment
  /** Why it could not be read last; undefined when it could. */
  fault: string | undefined
  /** When it may be tried again after a fault, on the clock of performance.now(). */
  retryAtMs = 0
  /** Whether its unreadable bytes were reported. */
  damageReported = false
  /** The topic of its entries; '' where an older version wrote them, or it was not counted. */
  topic = ''
  /** Where the next entry to be taken starts. */
  #cursor = 0
  /** Entries that were taken or are held, by where they start, until they are finished. */
  readonly #open = new Map<number, EntryPlace>()
  /** Entries that were held and finished before they were taken, by where they start. */
  readonly #skipped = new Set<number>()
  #entries = 0
  #metrics = 0
  #damagedBytes = 0
  /** When its oldest entry that was not taken yet came, or somewhat earlier. */
  #firstSeenMs = 0
  /** How far all is finished, as noted on disk. */
  #marked = 0

  constructor(segment: Segment) {
    this.segment = segment
  }

  /**
   * Opens a segment and counts what is in it: everything is read once, and forgotten.
   *
   * @param onRead called whenever the disk has answered, since counting may take long
   * @throws {Error} with the system's code when it cannot be read
   */
  static async open(path: string, onRead: () => void): Promise<Part> {
    const part = new Part(await Segment.open(path))
    await part.#count(onRead).finally(() => part.segment.release())
    return part
  }

  /** How many entries are not finished. */
  get entries(): number {
    return this.#entries
  }

  /** Those of the entries that are not finished. */
  get metrics(): number {
    return this.#metrics
  }

  /** How many bytes are no entry, as far as it was read. */
  get damagedBytes(): number {
    return this.#damagedBytes
  }

  /** Whether nothing in it waits, or what waited cannot be found any more. */
  get isDone(): boolean {
    return this.#entries === 0 || (this.#isRead && this.#open.size === 0)
  }

  /** When the oldest entry that is not finished came, in Unix ms; Infinity if there is none. */
  get oldestMs(): number {
    if (this.#entries === 0) return Infinity
    let oldest = this.#isRead ? Infinity : this.#firstSeenMs
    for (const { firstSeenMs } of this.#open.values()) if (firstSeenMs < oldest) oldest = firstSeenMs
    return oldest
  }

  get #isRead(): boolean {
    return this.#cursor >= this.segment.size
  }

  /**
   * Writes entries, all or none. Resolves when they are on disk.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async append(entries: readonly NewEntry[]): Promise<EntryPlace[]> {
    const places = this.#placesFor(entries)
    // Held before they can be seen, so that they are not taken in between.
    const held = places.filter((_, n) => entries[n]?.held)
    for (const place of held) this.#open.set(place.start, place)
    try {
      await this.segment.append(entries.map(({ bytes }) => bytes))
    } catch (error) {
      for (const { start } of held) this.#open.delete(start)
      throw error
    }
    for (const [n, place] of places.entries()) {
      if (entries[n]?.unwanted === true) this.#skip(place)
      else this.#add(place)
    }
    return places
  }

  /** The next entries that are neither taken, held nor finished: about `maxBytes` of them; none at its end. */
  async take(maxBytes: number): Promise<PlacedEntry[]> {
    while (!this.#isRead) {
      const taken = await this.#takePiece(maxBytes)
      if (taken.length > 0) return taken
    }
    return []
  }

  /** The entry is done with. False if it was so before. */
  finish({ start, metrics }: EntryPlace): boolean {
    if (!this.#open.delete(start)) return false
    if (start >= this.#cursor) this.#skipped.add(start)
    this.#entries--
    this.#metrics -= metrics
    return true
  }

  /** Notes on disk how far all is finished, now and then. */
  async mark(): Promise<void> {
    let position = this.#cursor
    for (const start of this.#open.keys()) if (start < position) position = start
    if (position - this.#marked < markEveryBytes) return
    this.#marked = position
    await this.segment.mark(position)
  }

  #placesFor(entries: readonly NewEntry[]): EntryPlace[] {
    let end = this.segment.size
    return entries.map(({ bytes, metrics, firstSeenMs }) => {
      const start = end
      end += bytes.length
      return { part: this, start, end, metrics, firstSeenMs }
    })
  }

  #add({ metrics, firstSeenMs }: Pick<EntryPlace, 'metrics' | 'firstSeenMs'>): void {
    if (this.#entries === 0) this.#firstSeenMs = firstSeenMs
    this.#entries++
    this.#metrics += metrics
  }

  #skip({ start }: EntryPlace): void {
    this.#open.delete(start)
    this.#skipped.add(start)
  }

  async #count(onRead: () => void): Promise<void> {
    this.#marked = await this.segment.marked()
    this.#cursor = this.#marked
    while (!this.#isRead) {
      const found = await readPiece(this.segment, this.#cursor, scanBytes)
      onRead()
      for (const { batch, firstSeenMs, topic } of found.entries) {
        this.topic ||= topic
        this.#add({ metrics: metricsIn(batch), firstSeenMs })
      }
      this.#pass(found)
    }
    this.#cursor = this.#marked
  }

  async #takePiece(maxBytes: number): Promise<PlacedEntry[]> {
    const found = await readPiece(this.segment, this.#cursor, maxBytes)
    const base = this.#cursor
    // No await between this and what follows: all of the part would seem to be read and done with meanwhile.
    this.#pass(found)
    return found.entries.flatMap((entry) => {
      const start = base + entry.start
      if (this.#open.has(start) || this.#skipped.delete(start)) return []
      const { firstSeenMs, batch, topic } = entry
      const place = { part: this, start, end: base + entry.end, metrics: metricsIn(batch), firstSeenMs }
      this.#open.set(start, place)
      this.#firstSeenMs = firstSeenMs
      return [{ place, entry: { batch, firstSeenMs, topic } }]
    })
  }

  /** Moves the cursor behind what was read. */
  #pass({ damagedBytes, end }: Scan): void {
    this.#damagedBytes += damagedBytes
    this.#cursor += end
  }
}

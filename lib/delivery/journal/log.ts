import { readdir, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isMissing, messageOf } from '../../shared/errors.js'
import type { Fault } from './fault.js'
import { Leftovers, type LeftoversOptions } from './leftovers.js'
import { type EntryPlace, type NewEntry, Part, type PlacedEntry } from './part.js'
import { Segment } from './segment.js'
import { makeDirectory, syncDirectory } from './sync-directory.js'

/** What has not been finished. */
export type LogTotals = { entries: number; metrics: number; bytes: number }

/** Unreadable bytes of a file. `metrics`: those that were written there since the log was opened, and are lost. */
export type Damage = { file: string; bytes: number; metrics: number }

export type LogOptions = LeftoversOptions & {
  directory: string
  segmentBytes: number
  /** Called for bytes that are no entry. The entries around them are kept, and the file, too. */
  onDamage: (damage: Damage) => void
  /** Called whenever the disk has answered while entries are counted, which may take long. */
  onRead?: () => void
}

const segmentName = /^\d{8}\.log$/
const retryEveryMs = 2000

/**
 * Entries in the order they came, in segments of a directory: written at one end, taken at the other, and finished in
 * any order. Memory is held for entries that are taken or held, not for those that wait.
 */
export class Log {
  readonly #options: LogOptions
  /** Oldest first. */
  readonly #parts: Part[] = []
  /** Segments that could not be opened or counted, by name, and why. */
  readonly #unopened = new Map<string, string>()
  readonly #leftovers: Leftovers
  #nextNumber = 1
  #topic = ''
  #appending: Part | undefined

  private constructor(options: LogOptions) {
    this.#options = options
    this.#leftovers = new Leftovers(options)
  }

  /**
   * Opens the log in a directory, which is made if need be, and counts what is in it. A segment that cannot be read is a
   * fault of the log.
   *
   * @throws {Error} with the system's code when the directory cannot be read
   */
  static async open(options: LogOptions): Promise<Log> {
    const log = new Log(options)
    await makeDirectory(options.directory)
    const names = (await readdir(options.directory)).filter((name) => segmentName.test(name)).sort()
    for (const name of names) await log.#openPart(name)
    return log
  }

  get directory(): string {
    return this.#options.directory
  }

  /** The topic that its entries were promised to: a process has only one. '' where an older version wrote them. */
  get topic(): string {
    return this.#topic
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
    for (const { segment } of this.#leftovers.parts) bytes += segment.size
    return { entries, metrics, bytes }
  }

  /** Whether nothing waits in it, all of it could be read, and nothing of it has to be deleted any more. */
  get isDone(): boolean {
    const isAllKnown = this.#unopened.size + this.#leftovers.parts.length === 0
    return isAllKnown && this.#parts.every(({ entries }) => entries === 0)
  }

  /** Whether something waits that can be read. */
  get hasMore(): boolean {
    return this.#parts.some(({ entries, fault }) => entries > 0 && fault === undefined)
  }

  get faults(): Fault[] {
    const unopened = Array.from(this.#unopened, ([name, message]) => ({ path: join(this.directory, name), message }))
    const unread = this.#parts.flatMap(({ fault, segment: { path } }) =>
      fault === undefined ? [] : [{ path, message: fault }],
    )
    return [...unopened, ...unread]
  }

  /** When the oldest entry that is not finished came, in Unix ms; undefined if there is none. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.#parts.map(({ oldestMs }) => oldestMs))
    return oldest === Infinity ? undefined : oldest
  }

  /**
   * Writes entries, all or none. Resolves when they are on disk. To be called again only then.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  append(entries: readonly NewEntry[]): Promise<EntryPlace[]> {
    return this.#appendTo((part) => part.append(entries))
  }

  /**
   * Does all that `append` does, and takes it back.
   *
   * @throws {Error} as `append` does
   */
  tryAppending(bytes: number): Promise<void> {
    return this.#appendTo((part) => part.segment.tryAppending(bytes))
  }

  /**
   * The oldest entries that are neither taken, held nor finished: about `maxBytes` of them, one at the least. What cannot
   * be read is passed over for a while.
   */
  async take(maxBytes: number): Promise<PlacedEntry[]> {
    for (const part of [...this.#parts]) {
      if (part.fault !== undefined && performance.now() < part.retryAtMs) continue
      try {
        const taken = await part.take(maxBytes)
        part.fault = undefined
        if (taken.length > 0) return taken
        await this.#retire(part)
      } catch (error) {
        part.fault = messageOf(error)
        part.retryAtMs = performance.now() + retryEveryMs
        await part.segment.release()
      }
    }
    return []
  }

  /** Tries again to open what could not be opened, and to delete what could not be deleted. */
  async retry(): Promise<void> {
    for (const name of [...this.#unopened.keys()]) await this.#openPart(name)
    await this.#leftovers.retry()
  }

  /** Whether all its files are where they were made. */
  async isInPlace(): Promise<boolean> {
    return (await this.#missing()).length === 0
  }

  /**
   * Makes files again that were removed, from those that are still open: what was promised is on disk then. Resolves with
   * how many metrics that are.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async restore(): Promise<number> {
    const missing = await this.#missing()
    let metrics = 0
    await makeDirectory(this.directory)
    for (const part of missing) {
      part.segment.seal()
      if (part.entries > 0 && (await part.segment.restore())) metrics += part.metrics
    }
    await syncDirectory(this.directory)
    return metrics
  }

  /** The entries are done with. Their space is free once all of their segment is. */
  async finish(places: readonly EntryPlace[]): Promise<void> {
    const parts = new Set(places.filter((place) => place.part.finish(place)).map(({ part }) => part))
    for (const part of parts) if (!(await this.#retire(part))) await this.#mark(part)
  }

  /** Closes its files; an empty log leaves nothing behind. */
  async close(): Promise<void> {
    for (const part of [...this.#parts, ...this.#leftovers.parts]) {
      if (part.entries === 0) await this.#leftovers.discard(part)
      // That the disk cannot close it does not matter: all of it is synced.
      else await part.segment.close().catch(() => undefined)
    }
    // Fails where something is left in it, or it was removed.
    await rmdir(this.directory).catch(() => undefined)
  }

  async #missing(): Promise<Part[]> {
    const names = await readdir(this.directory).catch((error): string[] => {
      if (isMissing(error)) return []
      throw error
    })
    return this.#parts.filter(({ segment }) => !names.includes(basename(segment.path)))
  }

  /** Appends to the last part, which is not deleted meanwhile, although all of it may be finished. */
  async #appendTo<T>(action: (part: Part) => Promise<T>): Promise<T> {
    const part = this.#lastWritable() ?? (await this.#begin())
    this.#appending = part
    try {
      return await action(part)
    } finally {
      this.#appending = undefined
    }
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
    const part = new Part(segment)
    this.#parts.push(part)
    this.#appending = part
    if (last !== undefined) await this.#retire(last)
    return part
  }

  /** A segment that was removed meanwhile is no part. */
  async #openPart(name: string): Promise<void> {
    this.#nextNumber = Math.max(this.#nextNumber, Number(basename(name, '.log')) + 1)
    try {
      const part = await Part.open(join(this.directory, name), () => this.#options.onRead?.())
      this.#unopened.delete(name)
      this.#topic ||= part.topic
      this.#parts.push(part)
      if (part.damagedBytes > 0) this.#reportDamage(part)
      await this.#retire(part)
    } catch (error) {
      if (isMissing(error)) this.#unopened.delete(name)
      else this.#unopened.set(name, messageOf(error))
    }
  }

  /** Deletes a segment that is finished. */
  async #retire(part: Part): Promise<boolean> {
    if (!part.isDone) return false
    if (part !== this.#appending) part.segment.seal()
    if (!part.segment.sealed) return false
    const index = this.#parts.indexOf(part)
    if (index === -1) return true
    this.#parts.splice(index, 1)
    // What the totals count and was not found is lost.
    if (part.damagedBytes > 0 && (!part.damageReported || part.metrics > 0)) this.#reportDamage(part, part.metrics)
    await this.#leftovers.discard(part)
    return true
  }

  #reportDamage(part: Part, metrics = 0): void {
    part.damageReported = true
    this.#options.onDamage({ file: part.segment.path, bytes: part.damagedBytes, metrics })
  }

  async #mark(part: Part): Promise<void> {
    try {
      await part.mark()
    } catch (error) {
      this.#options.onLeftover({ path: part.segment.path, message: messageOf(error) })
    }
  }
}

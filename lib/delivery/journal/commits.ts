import { InTurn } from '../../shared/in-turn.js'
import type { EntryPlace, NewEntry } from './part.js'

type Waiting = {
  entry: NewEntry
  atMs: number
  resolve: (place: EntryPlace) => void
  reject: (error: Error) => void
}

export type CommitsOptions = {
  /** Writes entries, all or none. Never called before the last call has ended. */
  write: (entries: NewEntry[]) => Promise<EntryPlace[]>
  /** The longest that an entry waits. */
  patienceMs: number
  /** Called when the disk has let entries wait longer. Returns what they fail with. */
  onSlow: () => Error
}

/** The most that one write and sync makes durable, so that the first of many entries does not wait for the last. */
const maxCommitBytes = 4 * 2 ** 20
const lookEveryMs = 50

/**
 * Group commit: what comes while the disk writes is written next, together. A call to a disk that hangs cannot be cancelled,
 * and holds a thread until the disk answers. So there is one call at a time, and entries fail that have waited too long.
 */
export class Commits {
  readonly #options: CommitsOptions
  #waiting: Waiting[] = []
  /** What is being written. */
  #group: Waiting[] = []
  #waitingBytes = 0
  readonly #turns = new InTurn()
  #writing = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** Bytes of the entries that wait for the disk. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Resolves when the entry is on disk. */
  add(entry: NewEntry): Promise<EntryPlace> {
    this.#waitingBytes += entry.bytes.length
    return new Promise<EntryPlace>((resolve, reject) => {
      this.#waiting.push({ entry, atMs: performance.now(), resolve, reject })
      if (!this.#writing) this.#start()
    }).finally(() => {
      this.#waitingBytes -= entry.bytes.length
    })
  }

  /** Runs an action while nothing is being written; what comes meanwhile waits. */
  alone<T>(action: () => Promise<T>): Promise<T> {
    return this.#turns.run(action)
  }

  #start(): void {
    this.#writing = true
    this.#timer = setInterval(() => this.#giveUpLate(), lookEveryMs)
    void this.alone(() => this.#writeNext())
  }

  async #writeNext(): Promise<void> {
    if (this.#waiting.length > 0) await this.#writeGroup()
    // Behind callers that want to be alone, so that they have their turn under load, too.
    if (this.#waiting.length > 0) void this.alone(() => this.#writeNext())
    else {
      this.#writing = false
      clearInterval(this.#timer)
    }
  }

  async #writeGroup(): Promise<void> {
    this.#group = this.#nextGroup()
    try {
      const places = await this.#options.write(this.#group.map(({ entry }) => entry))
      for (const [n, { resolve }] of this.#group.entries()) {
        const place = places[n]
        if (place !== undefined) resolve(place)
      }
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      for (const { reject } of this.#group) reject(reason)
    }
    this.#group = []
  }

  #nextGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { entry } of this.#waiting) {
      bytes += entry.bytes.length
      count++
      if (bytes >= maxCommitBytes) break
    }
    return this.#waiting.splice(0, count)
  }

  #giveUpLate(): void {
    const latest = performance.now() - this.#options.patienceMs
    const late = [...this.#group, ...this.#waiting].filter(
      ({ entry, atMs }) => atMs < latest && entry.unwanted !== true,
    )
    if (late.length === 0) return
    const reason = this.#options.onSlow()
    for (const { entry, reject } of late) {
      entry.unwanted = true
      reject(reason)
    }
    this.#waiting = this.#waiting.filter(({ entry }) => entry.unwanted !== true)
  }
}

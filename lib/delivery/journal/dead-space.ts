import { open, opendir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../../shared/errors.js'
import { InTurn } from '../../shared/in-turn.js'
import { readLines } from './lines.js'
import { identityForm, isAlive, ownIdentity, rememberAlive } from './process-identity.js'
import { makeDirectory, syncDirectory } from './sync-directory.js'

/** A record that the brokers refuse after its promise was given. */
export type DeadRecord = {
  /** In the broker's words. */
  reason: string
  /** Kafka's name for the error, such as MSG_SIZE_TOO_LARGE. */
  errorCode: string
  /** When the collector took it, Unix ms. */
  firstSeenMs: number
  /** The topic that it was for. */
  topic: string
  key: string | null
  value: string
}

/** A file of records. `refused`: the dead-letter topic would not take them either. */
export type DeadFile = { name: string; refused: boolean }

/** Records that are being buried together: many shipments share a file and its sync. */
type Lot = { lines: string[]; bytes: number; written: Promise<void> }

const fileName = new RegExp(String.raw`^(${identityForm})\.(\d+)(\.refused)?\.ndjson$`)

/** A file that is being written, under the name that it will have. */
const unfinishedName = new RegExp(String.raw`^(${identityForm})\..*\.unfinished$`)

/** What is written to one file, and read from it at a time, beside the record that goes beyond it. */
const pieceBytes = 2 ** 20
const longestLineBytes = 64 * 2 ** 20
/** What may wait for the disk. */
const maxWaitingBytes = 16 * 2 ** 20
/** Sizes of other processes' files are asked for at most that often: there may be many. */
const measureEveryMs = 60_000
/** What was seen of a directory holds for so long where its time of change is the same, since its owners may have ended. */
const claimAgainMs = 30_000
/** Changes that come closer together may leave the same time. */
const mtimeGrainMs = 1000

/** Where dead records are kept: files of JSON lines, each there as a whole or not at all. */
export class DeadSpace {
  readonly #path: string
  #files = 0
  /** By whether the dead-letter topic has refused them, too. */
  readonly #lots = new Map<boolean, Lot>()
  #waitingBytes = 0
  readonly #writes = new InTurn()
  #bytes = 0
  #measuredAtMs = -Infinity
  #nothingToClaim = { mtimeMs: -Infinity, atMs: -Infinity }

  constructor(path: string) {
    this.#path = path
  }

  /** What it takes on disk, as far as this process knows. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Resolves when the records are on disk. Their bytes are copied at once.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async bury(records: readonly DeadRecord[], { refused = false } = {}): Promise<void> {
    const lines = records.map((record) => `${JSON.stringify(record)}\n`)
    const bytes = lines.reduce((sum, { length }) => sum + length, 0)
    if (this.#waitingBytes > maxWaitingBytes) throw new Error('The disk is too slow')
    this.#waitingBytes += bytes
    try {
      await this.#join(lines, bytes, refused).written
    } finally {
      this.#waitingBytes -= bytes
    }
  }

  /** Deletes what processes were writing when they ended: no record counts as buried before its file is finished. */
  async removeUnfinished(): Promise<void> {
    for await (const { name } of await opendir(this.#path)) {
      const [, identity] = unfinishedName.exec(name) ?? []
      if (identity !== undefined && !isAlive(identity)) await rm(join(this.#path, name), { force: true })
    }
  }

  /** All files, of all processes; those of each process in the order of their writing. */
  async list(): Promise<DeadFile[]> {
    const names = await readdir(this.#path).catch(noneWhereMissing<string[]>([]))
    const files = names.flatMap((name) => fileOf(name) ?? [])
    return files.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The records of a file, some at a time, so that memory does not grow with it; none if it was dropped meanwhile. */
  async *read({ name }: DeadFile): AsyncGenerator<DeadRecord[]> {
    try {
      for await (const lines of readLines(join(this.#path, name), { pieceBytes, longestBytes: longestLineBytes })) {
        // A line that a disk has damaged is not worth the others.
        const records = lines.flatMap((line) => parseLine(line) ?? [])
        if (records.length > 0) yield records
      }
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  async drop({ name }: DeadFile): Promise<void> {
    const path = join(this.#path, name)
    const size = await sizeOf(path)
    await rm(path, { force: true })
    this.#bytes = Math.max(0, this.#bytes - size)
  }

  /**
   * Files for the dead-letter topic that this process may send: its own, and those of processes that have ended. When it
   * has sent one, it has to drop it.
   */
  async *claim(): AsyncGenerator<DeadFile> {
    const { mtimeMs } = await stat(this.#path).catch(noneWhereMissing({ mtimeMs: undefined }))
    if (mtimeMs === undefined) return
    const { mtimeMs: seenMtimeMs, atMs } = this.#nothingToClaim
    if (mtimeMs === seenMtimeMs && performance.now() - atMs < claimAgainMs) return
    const isAlive = rememberAlive()
    let claimed = 0
    for await (const { name } of await opendir(this.#path)) {
      const file = await this.#claimFile(name, isAlive)
      if (file === undefined) continue
      claimed++
      yield file
    }
    const isSettled = Date.now() - mtimeMs > mtimeGrainMs
    if (claimed === 0 && isSettled) this.#nothingToClaim = { mtimeMs, atMs: performance.now() }
  }

  /** Adds up what all processes have here, unless that was done lately. */
  async measure(): Promise<void> {
    if (performance.now() - this.#measuredAtMs < measureEveryMs) return
    this.#measuredAtMs = performance.now()
    let bytes = 0
    const entries = await opendir(this.#path).catch(noneWhereMissing([]))
    for await (const { name } of entries) bytes += await sizeOf(join(this.#path, name))
    this.#bytes = bytes
  }

  async #claimFile(name: string, isAlive: (identity: string) => boolean): Promise<DeadFile | undefined> {
    const [, identity = '', , number, refused] = fileName.exec(name) ?? []
    if (number === undefined || refused !== undefined) return undefined
    if (identity === ownIdentity()) return { name, refused: false }
    if (isAlive(identity)) return undefined
    const own = `${ownIdentity()}.${number}.ndjson`
    try {
      await rename(join(this.#path, name), join(this.#path, own))
      return { name: own, refused: false }
    } catch (error) {
      // Another process was quicker.
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** The lot that is written next, with these lines in it. */
  #join(lines: string[], bytes: number, refused: boolean): Lot {
    let lot = this.#lots.get(refused)
    if (lot === undefined || lot.bytes > pieceBytes) {
      lot = this.#newLot(refused)
      this.#lots.set(refused, lot)
    }
    lot.lines.push(...lines)
    lot.bytes += bytes
    return lot
  }

  #newLot(refused: boolean): Lot {
    const lot: Lot = { lines: [], bytes: 0, written: Promise.resolve() }
    lot.written = this.#writes.run(() => {
      if (this.#lots.get(refused) === lot) this.#lots.delete(refused)
      return this.#write(lot.lines.join(''), refused)
    })
    return lot
  }

  async #write(text: string, refused: boolean): Promise<void> {
    const name = `${ownIdentity()}.${Date.now()}${this.#files++}${refused ? '.refused' : ''}.ndjson`
    const path = join(this.#path, name)
    const unfinished = `${path}.unfinished`
    // It may have been removed.
    await makeDirectory(this.#path)
    try {
      await writeSynced(unfinished, text)
      await rename(unfinished, path)
      await syncDirectory(this.#path)
      this.#bytes += Buffer.byteLength(text)
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => undefined)
      throw error
    }
  }
}

function fileOf(name: string): DeadFile | undefined {
  const match = fileName.exec(name)
  return match === null ? undefined : { name, refused: match[4] !== undefined }
}

/** 0 where it was dropped meanwhile. */
async function sizeOf(path: string): Promise<number> {
  const { size } = await stat(path).catch(noneWhereMissing({ size: 0 }))
  return size
}

function noneWhereMissing<T>(none: T): (error: unknown) => T {
  return (error) => {
    if (isMissing(error)) return none
    throw error
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o640)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
}

function parseLine(line: string): DeadRecord | undefined {
  try {
    const record: Partial<DeadRecord> | null = JSON.parse(line)
    return isDeadRecord(record) ? record : undefined
  } catch {
    return undefined
  }
}

function isDeadRecord(record: Partial<DeadRecord> | null): record is DeadRecord {
  if (record === null) return false
  const { key, firstSeenMs, ...texts } = record
  const isTime = typeof firstSeenMs === 'number' && !Number.isNaN(new Date(firstSeenMs).getTime())
  const areTexts = [texts.reason, texts.errorCode, texts.topic, texts.value].every((text) => typeof text === 'string')
  return isTime && areTexts && (key === null || typeof key === 'string')
}

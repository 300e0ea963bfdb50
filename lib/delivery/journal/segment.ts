import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { makeDirectory } from './sync-directory.js'

const copyBytes = 2 ** 20
/** Overwriting the same bytes needs no room on a full disk. */
const markDigits = 16

/** A file of entries, one behind the other. It is written by one process, and only to its end. */
export class Segment {
  readonly path: string
  /** Open while it is read, and where this process has made it. */
  #file: FileHandle | undefined
  /** The file that this process has made at the path, by device and inode. */
  #identity: string | undefined
  /** Bytes that are on disk for certain. */
  #size: number
  #sealed = false

  private constructor(path: string, size: number) {
    this.path = path
    this.#size = size
  }

  /** @throws {Error} with the system's code, such as ENOSPC or EROFS */
  static async create(path: string): Promise<Segment> {
    const segment = new Segment(path, 0)
    await segment.#make(path)
    return segment
  }

  /** @throws {Error} with the system's code, such as EACCES */
  static async open(path: string): Promise<Segment> {
    const segment = new Segment(path, (await stat(path)).size)
    segment.#sealed = true
    return segment
  }

  get size(): number {
    return this.#size
  }

  /** Whether nothing may be written to it any more. */
  get sealed(): boolean {
    return this.#sealed
  }

  seal(): void {
    this.#sealed = true
  }

  /**
   * Resolves when the buffers are on disk. After a failure the segment is sealed: what fdatasync has failed on may be
   * lost although a second call succeeds (Linux marks the pages clean), so nothing is promised on this file again.
   *
   * @throws {Error} with the system's code, such as ENOSPC or EIO; ENOENT when the file was removed
   */
  async append(buffers: readonly Buffer[]): Promise<void> {
    const length = buffers.reduce((sum, { length }) => sum + length, 0)
    await this.#sealIfFails(async (file) => {
      await this.#write(file, buffers, length)
      this.#size += length
    })
  }

  /**
   * Does all that `append` does, and takes it back.
   *
   * @throws {Error} as `append` does
   */
  async tryAppending(bytes: number): Promise<void> {
    await this.#sealIfFails(async (file) => {
      await this.#write(file, [Buffer.alloc(bytes)], bytes)
      await file.truncate(this.#size)
    })
  }

  /** At most `length` bytes from `position` on; fewer where the file ends. */
  async read(position: number, length: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.#size - position)))
    this.#file ??= await open(this.path, 'r')
    const { bytesRead } = await this.#file.read(target, 0, target.length, position)
    return target.subarray(0, bytesRead)
  }

  /** Keeps a file that this process has only read closed until it is read again: there may be many. */
  async release(): Promise<void> {
    // What was only read has nothing to lose.
    if (this.#identity === undefined) await this.close().catch(() => undefined)
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  /**
   * Makes its file again, which was removed, from the one that is still open. False where none is.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async restore(): Promise<boolean> {
    const removed = this.#file
    if (removed === undefined) return false
    const restored = new Segment(this.path, 0)
    try {
      await restored.#make(this.path)
      while (restored.#size < this.#size) {
        const piece = await this.read(restored.#size, copyBytes)
        if (piece.length === 0) break
        await restored.append([piece])
      }
    } catch (error) {
      if (restored.#file !== undefined) await restored.remove()
      throw error
    }
    this.#sealed = true
    this.#file = restored.#file
    this.#identity = restored.#identity
    await removed.close()
    return true
  }

  /**
   * Notes how far all entries are finished, for the process that opens the file after a crash. It is not synced: after a
   * power failure, an older mark means duplicates, never loss.
   */
  async mark(position: number): Promise<void> {
    const file = await open(this.#markPath, constants.O_WRONLY | constants.O_CREAT, 0o640)
    try {
      await file.write(String(position).padStart(markDigits, '0'), 0)
    } finally {
      await file.close()
    }
  }

  /** How far all entries are finished, as last noted. */
  async marked(): Promise<number> {
    const text = await readFile(this.#markPath, 'utf8').catch(() => '0')
    const position = Number(text)
    return Number.isInteger(position) && position >= 0 && position <= this.#size ? position : 0
  }

  /** Closes it and deletes it. */
  async remove(): Promise<void> {
    await this.close()
    await rm(this.path, { force: true })
    await rm(this.#markPath, { force: true })
  }

  /** Closes it and moves it to a directory, for the sake of its unreadable bytes. */
  async setAside(directory: string): Promise<void> {
    await this.close()
    await makeDirectory(directory)
    await rename(this.path, join(directory, `${basename(dirname(this.path))}-${basename(this.path)}`))
    await rm(this.#markPath, { force: true })
  }

  get #markPath(): string {
    return `${this.path}.done`
  }

  async #make(path: string): Promise<void> {
    this.#file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o640)
    this.#identity = identityOf(await this.#file.stat({ bigint: true }))
  }

  async #sealIfFails(action: (file: FileHandle) => Promise<void>): Promise<void> {
    const file = this.#file
    if (file === undefined || this.#sealed) throw new Error(`${this.path} is not open for writing`)
    try {
      await action(file)
    } catch (error) {
      this.#sealed = true
      // What was not promised must not be replayed, and its space is needed.
      await file.truncate(this.#size).catch(() => undefined)
      throw error
    }
  }

  /** Writes behind what is there. Resolves when it is on disk, and the file where it will be looked for. */
  async #write(file: FileHandle, buffers: readonly Buffer[], length: number): Promise<void> {
    let { bytesWritten: written } = await file.writev([...buffers], this.#size)
    while (written < length) {
      // The kernel wrote what the disk had room for; the next call says why it stopped, or finds some more room.
      const rest = Buffer.concat(buffers).subarray(written)
      written += (await file.write(rest, 0, rest.length, this.#size + written)).bytesWritten
    }
    await file.datasync()
    // Writing to a file succeeds although it was removed, or another disk was mounted over it.
    if (identityOf(await stat(this.path, { bigint: true })) !== this.#identity) {
      throw Object.assign(new Error(`ENOENT: ${this.path} is another file now`), { code: 'ENOENT' })
    }
  }
}

function identityOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`
}

import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** A file of entries, one behind the other. It is written by one process, and only to its end. */
export class Segment {
  readonly path: string
  readonly #file: FileHandle
  /** Bytes that are on disk for certain. */
  #size: number
  #sealed = false

  private constructor(path: string, file: FileHandle, size: number) {
    this.path = path
    this.#file = file
    this.#size = size
  }

  /** @throws {Error} with the system's code, such as ENOSPC or EROFS */
  static async create(path: string): Promise<Segment> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
    return new Segment(path, await open(path, flags, 0o640), 0)
  }

  static async open(path: string): Promise<Segment> {
    const file = await open(path, 'r')
    const segment = new Segment(path, file, (await file.stat()).size)
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
   * lost although a second call succeeds (Linux marks the pages clean), so no promise is ever made on this file again.
   *
   * @throws {Error} with the system's code, such as ENOSPC or EIO
   */
  async append(buffers: readonly Buffer[]): Promise<void> {
    try {
      const length = buffers.reduce((sum, { length }) => sum + length, 0)
      let { bytesWritten: written } = await this.#file.writev([...buffers], this.#size)
      while (written < length) {
        // The kernel wrote what the disk had room for; the next call says why it stopped, or finds some more room.
        const rest = Buffer.concat(buffers).subarray(written)
        written += (await this.#file.write(rest, 0, rest.length, this.#size + written)).bytesWritten
      }
      await this.#file.datasync()
      this.#size += length
    } catch (error) {
      this.#sealed = true
      // What was not promised must not be replayed, and its space is needed.
      await this.#file.truncate(this.#size).catch(() => undefined)
      throw error
    }
  }

  /** At most `length` bytes from `position` on; fewer where the file ends. */
  async read(position: number, length: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.#size - position)))
    const { bytesRead } = await this.#file.read(target, 0, target.length, position)
    return target.subarray(0, bytesRead)
  }

  /**
   * Notes how far all entries are finished, for whoever opens the file after a crash. It is not synced: after a power
   * failure an older mark means duplicates, never loss.
   */
  async mark(position: number): Promise<void> {
    await writeFile(this.#markPath, String(position))
  }

  /** How far all entries are finished, as last noted. */
  async marked(): Promise<number> {
    const text = await readFile(this.#markPath, 'utf8').catch(() => '0')
    const position = Number(text)
    return Number.isInteger(position) && position >= 0 && position <= this.#size ? position : 0
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Closes it and deletes it. */
  async remove(): Promise<void> {
    await this.#file.close()
    await rm(this.path, { force: true })
    await rm(this.#markPath, { force: true })
  }

  /** Closes it and moves it to a directory, for the sake of its unreadable bytes. */
  async setAside(directory: string): Promise<void> {
    await this.#file.close()
    await mkdir(directory, { recursive: true, mode: 0o750 })
    await rename(this.path, join(directory, `${basename(dirname(this.path))}-${basename(this.path)}`))
    await rm(this.#markPath, { force: true })
  }

  get #markPath(): string {
    return `${this.path}.done`
  }
}

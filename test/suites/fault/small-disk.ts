import { execFile } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file system of its own that can be filled to the last block: a tmpfs, for which one must be root. */
export class SmallDisk {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  /** Undefined where mounting is not permitted. */
  static async mount(directory: string, sizeMiB: number): Promise<SmallDisk | undefined> {
    await mkdir(directory)
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', directory])
    } catch {
      return undefined
    }
    return new SmallDisk(directory)
  }

  /** Takes all blocks that are left but `leaveMiB`, or what others leave of them meanwhile. */
  async fill(leaveMiB: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.directory)
    try {
      await writeFile(this.#ballast, Buffer.alloc(Math.max(0, bavail * bsize - leaveMiB * 2 ** 20)))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
  }

  async free(): Promise<void> {
    await rm(this.#ballast, { force: true })
  }

  async unmount(): Promise<void> {
    await run('umount', ['-l', this.directory])
  }

  get #ballast(): string {
    return join(this.directory, 'ballast')
  }
}

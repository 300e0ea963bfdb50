import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { makeDirectory } from './directory.js'

/** How a disk takes what is written to it. */
export type Mood = {
  /** No call writes more than that, as on a disk that runs full while others free some room. */
  mostBytes: number
  /** Calls that are made until one fails, of those that write, sync or truncate. */
  callsUntilFailure: number
  /** How long what was read takes to arrive. */
  readMs: number
}

const good: Mood = { mostBytes: Infinity, callsUntilFailure: Infinity, readMs: 0 }

/** Has all files of this process written by a disk with moods, until the test ends. */
export class BadDisk {
  mood = good

  static async install(t: Test): Promise<BadDisk> {
    const disk = new BadDisk()
    const file = await open(join(await makeDirectory(t), 'any'), 'w')
    // Node does not export the class of file handles.
    const handle = Object.getPrototypeOf(file)
    await file.close()
    const { read, write, writev, datasync, truncate } = handle
    t.teardown(() => Object.assign(handle, { read, write, writev, datasync, truncate }))
    Object.assign(handle, {
      async read(target: Buffer, offset: number, length: number, position: number) {
        const { readMs } = disk.mood
        const result = await read.call(this, target, offset, length, position)
        if (readMs > 0) await pause(readMs)
        return result
      },
      write(bytes: Buffer, offset: number, length: number, position: number) {
        disk.#call()
        return write.call(this, bytes, offset, Math.min(length, disk.mood.mostBytes), position)
      },
      writev(buffers: Buffer[], position: number) {
        disk.#call()
        return writev.call(this, [Buffer.concat(buffers).subarray(0, disk.mood.mostBytes)], position)
      },
      async datasync() {
        disk.#call()
        return datasync.call(this)
      },
      async truncate(length: number) {
        disk.#call()
        return truncate.call(this, length)
      },
    })
    return disk
  }

  mend(): void {
    this.mood = good
  }

  #call(): void {
    if (this.mood.callsUntilFailure-- <= 0) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
  }
}

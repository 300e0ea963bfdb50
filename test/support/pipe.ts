import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeDirectory } from './directory.js'

const chunkBytes = 4096

/** A pipe whose other end reads only when the test says so. */
export class Pipe {
  /** For the process that writes to it. */
  readonly end: number
  readonly #own: number

  private constructor(path: string) {
    this.#own = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    this.end = openSync(path, constants.O_WRONLY)
  }

  static async create(t: Test): Promise<Pipe> {
    const path = join(await makeDirectory(t), 'pipe')
    execFileSync('mkfifo', [path])
    const pipe = new Pipe(path)
    t.teardown(() => {
      closeSync(pipe.end)
      closeSync(pipe.#own)
    })
    return pipe
  }

  /** Writes lines until there is no room for more. */
  fill(): void {
    const line = Buffer.from(`${'x'.repeat(chunkBytes - 1)}\n`)
    while (attempt(() => writeSync(this.#own, line)) > 0);
  }

  /** What is in it now. */
  read(): string {
    const chunks: Buffer[] = []
    for (;;) {
      const chunk = Buffer.alloc(chunkBytes)
      const count = attempt(() => readSync(this.#own, chunk))
      if (count === 0) return Buffer.concat(chunks).toString()
      chunks.push(chunk.subarray(0, count))
    }
  }
}

/** 0 where it would have to wait. */
function attempt(transfer: () => number): number {
  try {
    return transfer()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0
    throw error
  }
}

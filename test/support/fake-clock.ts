import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'

/** Where Debian's package faketime puts it, by machine. */
const libraries = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)

/**
 * The wall clock of the collector, by libfaketime, which reads its offset from a file once a second. The monotonic
 * clock goes on as ever, as it does when an administrator or NTP sets the time.
 */
export class FakeClock {
  readonly #library: string
  readonly #file: string

  private constructor(library: string, file: string) {
    this.#library = library
    this.#file = file
  }

  /** Undefined where libfaketime is not installed. */
  static async start(file: string): Promise<FakeClock | undefined> {
    const library = libraries.find((path) => existsSync(path))
    if (library === undefined) return undefined
    const clock = new FakeClock(library, file)
    await clock.set(0)
    return clock
  }

  /** Environment of the processes that live by this clock. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
    }
  }

  async set(offsetSeconds: number): Promise<void> {
    await writeFile(this.#file, `${offsetSeconds < 0 ? '' : '+'}${offsetSeconds}\n`)
  }
}

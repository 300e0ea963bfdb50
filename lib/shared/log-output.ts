import { binding } from './native/binding.js'

const standardOutput = 1
/** For a reader that is late. */
const maxWaitingBytes = 2 ** 20
const tryAgainMs = 50

/**
 * Standard output for the lines of a log. It writes as much as its reader has room for, and never waits:
 * a pipe that nobody reads must not hold up a request, or the end of the process. Lines wait in a bounded memory for a
 * reader that is late; what comes beyond that is dropped and counted.
 */
export class LogOutput {
  readonly #descriptor = binding.openOutput(standardOutput)
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #dropped = 0
  #untold = 0
  #timer: NodeJS.Timeout | undefined
  #tell: (lines: number) => void = () => undefined

  constructor() {
    process.on('exit', () => this.#flush())
  }

  /** Lines that were dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** @param tell is called when all is written again, with the lines that were dropped meanwhile */
  onRecovered(tell: (lines: number) => void): void {
    this.#tell = tell
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#waitingBytes + bytes.length > maxWaitingBytes) {
      this.#dropped++
      this.#untold++
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#timer === undefined) this.#flush()
  }

  /** Writes what there is room for, and comes back for the rest. */
  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    let written = 0
    for (const bytes of this.#waiting) {
      const count = binding.write(this.#descriptor, bytes)
      this.#waitingBytes -= count
      if (count < bytes.length) {
        this.#waiting[written] = bytes.subarray(count)
        break
      }
      written++
    }
    this.#waiting = this.#waiting.slice(written)
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#flush(), tryAgainMs).unref()
    else if (this.#untold > 0) this.#tellDropped()
  }

  #tellDropped(): void {
    const lines = this.#untold
    this.#untold = 0
    this.#tell(lines)
  }
}

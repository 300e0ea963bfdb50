import type { Telemetry } from '../../telemetry/telemetry.js'
import type { HttpResponse } from '../uwebsockets.js'

/**
 * uWebSockets.js would close them itself, after 8 to 12 seconds, but looks only every 4: then it closes thousands in one
 * go, while all other requests wait.
 */
export const windowMs = 7500
/** A body that comes at this rate may take as long as it likes, as with uWebSockets.js. */
const leastBytesInWindow = (16_384 * windowMs) / 1000
const lookEveryMs = 20
/** Takes a millisecond or two. */
const maxClosedAtOnce = 50

/**
 * Knows whom each request waits for, and closes, a few at a time, the connections of clients that send a body, or read
 * an answer, too slowly.
 */
export class StalledRequests {
  /** Since all have the same time, those whose window ends first come first. */
  readonly #windows = new Map<HttpResponse, { bytes: number; endsAt: number }>()
  /** Since when each body that has come whole has waited for its answer, the oldest first. Requests without a body wait for 2 s at most. */
  readonly #waiting = new Map<HttpResponse, number>()
  readonly #counts: Telemetry['counts']
  #timer: NodeJS.Timeout | undefined

  constructor({ counts }: Telemetry) {
    this.#counts = counts
  }

  /** How long the oldest request that has come whole has waited for its answer, in milliseconds; 0 if there is none. */
  longestWaitMs(): number {
    for (const since of this.#waiting.values()) return performance.now() - since
    return 0
  }

  /** A part of its body has come, and more is to come. */
  noteReceived(res: HttpResponse, bytes: number): void {
    const window = this.#windows.get(res)
    if (window === undefined) this.#open(res, bytes)
    else window.bytes += bytes
  }

  /** Its body is through. */
  noteWaiting(res: HttpResponse): void {
    this.#windows.delete(res)
    this.#waiting.set(res, performance.now())
  }

  /** A part of its answer has been taken, or is to be: the next one has all the time again. */
  noteWritten(res: HttpResponse): void {
    this.#windows.delete(res)
    this.#open(res, 0)
  }

  /** To be called when its answer is through, or its connection has gone. */
  forget(res: HttpResponse): void {
    this.#windows.delete(res)
    this.#waiting.delete(res)
  }

  #open(res: HttpResponse, bytes: number): void {
    this.#windows.set(res, { bytes, endsAt: performance.now() + windowMs })
    this.#timer ??= setInterval(() => this.#closeStalled(), lookEveryMs).unref()
  }

  #closeStalled(): void {
    const now = performance.now()
    let closed = 0
    for (const [res, { bytes, endsAt }] of this.#windows) {
      if (endsAt > now || closed === maxClosedAtOnce) break
      this.#windows.delete(res)
      if (bytes >= leastBytesInWindow) {
        this.#open(res, 0)
      } else {
        res.close()
        closed++
        this.#counts.requestsStalled++
      }
    }
    if (this.#windows.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

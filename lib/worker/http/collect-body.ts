import type { Hold } from '../../ingest/byte-budget.js'
import { bodyTooLarge } from '../../ingest/inflate.js'
import type { BodyLimits } from '../../ingest/ingest.js'
import type { BufferPool } from '../../shared/buffer-pool.js'
import type { Problem } from '../../shared/errors.js'

/** The client went away before its request was answered; there is nobody to tell. */
export class RequestAborted extends Error {
  override name = 'RequestAborted'
}

/** One for all: thousands may go at once, and a stack, which tells nothing here, is dear. */
const requestAborted = new RequestAborted()

type BodySource = {
  onAborted: (listener: () => void) => void
  /**
   * `take` is given each part of the body, which is gone when it returns; `end` is called when the body is whole, or with
   * what is wrong with how it was sent. Nothing may be done with a body before that.
   */
  onBody: (take: (part: ArrayBuffer) => void, end: (problem?: Problem) => void) => void
}

/**
 * Collects a request body in a buffer of the pool; the caller gives it back. The buffer is there and counts once
 * something has arrived: a request that only says how much it will send costs nothing. Call it before any await: data
 * that arrives earlier is lost.
 *
 * @throws {Problem} VANTAGE_BODY_TOO_LARGE as soon as more than `maxBytes` have arrived, VANTAGE_OVERLOADED when what
 *   has arrived may not be held; the rest is then read and dropped
 * @throws {RequestAborted} when the client closes the connection first
 */
export function collectBody({ onBody, onAborted }: BodySource, { maxBytes, pool, hold }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let body: Buffer | undefined
    let length = 0
    let ended = false
    const fail = (error: unknown) => {
      if (ended) return
      ended = true
      if (body !== undefined) pool.give(body)
      reject(error)
    }
    onAborted(() => fail(requestAborted))
    const take = (chunk: ArrayBuffer) => {
      if (ended) return
      if (length + chunk.byteLength > maxBytes) return fail(bodyTooLarge(maxBytes))
      try {
        body = append(body, length, chunk, pool, hold)
      } catch (error) {
        return fail(error)
      }
      length += chunk.byteLength
    }
    onBody(take, (problem) => {
      if (problem !== undefined) return fail(problem)
      if (ended || body === undefined) return
      ended = true
      resolve(body.subarray(0, length))
    })
  })
}

/** Copies the chunk behind the first `length` bytes, into a buffer twice as large where there is no room. */
function append(body: Buffer | undefined, length: number, chunk: ArrayBuffer, pool: BufferPool, hold: Hold): Buffer {
  const needed = length + chunk.byteLength
  let target = body
  if (target === undefined || needed > target.length) {
    const size = length === 0 ? needed : 2 * needed
    hold.growTo(size)
    target = pool.take(size)
    body?.copy(target, 0, 0, length)
    if (body !== undefined) pool.give(body)
  }
  target.set(new Uint8Array(chunk), length)
  return target
}

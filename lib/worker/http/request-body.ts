import type { Hold } from '../../ingest/byte-budget.js'
import { bodyTooLarge } from '../../ingest/inflate.js'
import type { BodyLimits } from '../../ingest/ingest.js'
import type { BufferPool } from '../../shared/buffer-pool.js'
import { Problem } from '../../shared/errors.js'
import type { HttpResponse } from '../uwebsockets.js'
import type { StalledRequests } from './stalled-requests.js'

/** The most that is read of an unwanted body before its connection is closed. */
const maxDroppedBytes = 256 * 2 ** 20
const maxDropMs = 10_000

/** What ends a body in chunks: read as a part of it, it was behind a chunk extension. */
const lastChunk = Buffer.from('\r\n0\r\n\r\n')
/** A sender that has more to say does so sooner. */
const chunkExtensionMs = 1000

type Take = (part: ArrayBuffer) => void
type End = (problem?: Problem) => void

/**
 * The body of one request, as uWebSockets.js reads it.
 *
 * It hands over a body while it still parses what came behind it in the same segment: if that is not HTTP, it answers 400
 * or 505 by itself and closes the connection. So a body is whole only when the parser is through with the segment
 * (docs/decisions/uwebsockets-errors-after-bodies.md).
 */
export class RequestBody {
  readonly #res: HttpResponse
  readonly #stalled: StalledRequests
  /** Whether it is being read, or what is left of it. */
  #isRead = false
  #isThrough = false
  #isPaused = false
  /** The request has its answer, or its client is gone. */
  #isOver = false
  #take: Take | undefined
  #end: End | undefined
  #isChunked = false
  #pauses = false
  #timer: NodeJS.Timeout | undefined
  #dropped = 0
  #isDropping = false

  constructor(res: HttpResponse, stalled: StalledRequests) {
    this.#res = res
    this.#stalled = stalled
  }

  /** Whether it has been read in part. Once it has its answer, uWebSockets.js would never close its connection for being idle. */
  get isHalfRead(): boolean {
    return this.#isRead && !this.#isThrough
  }

  get isThrough(): boolean {
    return this.#isThrough
  }

  /**
   * Reads it; to be called before anything of it has come. `pauses` says that behind it nothing is read until its request
   * is answered, so that the answer is the client's whatever follows. That takes three microseconds, a sixth of what the
   * main thread does for a request.
   */
  read(take: Take, end: End, isChunked: boolean, pauses: boolean): void {
    this.#take = take
    this.#end = end
    this.#isChunked = isChunked
    this.#pauses = pauses
    this.#listen()
  }

  /** To be called before the answer is written. */
  answered(): void {
    this.over()
    if (this.#isPaused) this.#res.resume()
  }

  /** To be called when the client is gone. */
  over(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#stalled.forget(this.#res)
  }

  /** Reads the rest and drops it, then closes the connection: closed at once, the client could not read its answer. */
  dropRest(): void {
    this.#isDropping = true
    if (!this.#isRead) this.#listen()
    this.#timer = setTimeout(() => this.#res.close(), maxDropMs)
  }

  #listen(): void {
    this.#isRead = true
    this.#res.onData((part, isLast) => this.#receive(part, isLast))
  }

  #receive(part: ArrayBuffer, isLast: boolean): void {
    this.#isThrough = isLast
    if (this.#isDropping) this.#drop(part, isLast)
    if (this.#isOver) return
    this.#take?.(part)
    if (isLast) this.#receivedAll()
    else this.#expectMore(part)
  }

  #receivedAll(): void {
    if (this.#end === undefined) return
    this.#stalled.noteWaiting(this.#res)
    if (this.#pauses) this.#pause()
    endLater(this.#end)
  }

  #pause(): void {
    this.#isPaused = true
    this.#res.pause()
  }

  /** uWebSockets.js takes the extension of a chunk for a part of its size, and waits for what never comes. */
  #expectMore(part: ArrayBuffer): void {
    this.#stalled.noteReceived(this.#res, part.byteLength)
    if (!this.#isChunked) return
    clearTimeout(this.#timer)
    if (!lastChunk.equals(new Uint8Array(part, Math.max(0, part.byteLength - lastChunk.length)))) return
    const problem = new Problem('VANTAGE_UNSUPPORTED_FRAMING', 'The chunks of the body cannot be told apart')
    this.#timer = setTimeout(() => this.#end?.(problem), chunkExtensionMs)
  }

  #drop(part: ArrayBuffer, isLast: boolean): void {
    this.#dropped += part.byteLength
    if (!isLast && this.#dropped < maxDroppedBytes) return
    clearTimeout(this.#timer)
    // Not while uWebSockets.js parses: it would go on with a connection that is gone.
    this.#timer = setTimeout(() => this.#res.close(), 0)
  }
}

/** Of the bodies that have come whole in this turn of the event loop: one setImmediate for all takes less than one each. */
let ends: End[] = []

function endLater(end: End): void {
  ends.push(end)
  if (ends.length === 1) setImmediate(endAll)
}

function endAll(): void {
  const due = ends
  ends = []
  for (const end of due) end()
}

/** The client went away before its request was answered, so no answer is sent. */
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

import type { HttpResponse } from 'uWebSockets.js'
import { Problem } from '../shared/errors.js'

/** The client went away before its request was answered; there is nobody to tell. */
export class RequestAborted extends Error {
  override name = 'RequestAborted'
}

type BodySource = { res: HttpResponse; onAborted: (listener: () => void) => void }

/**
 * Collects a request body in a buffer of its own (uWebSockets.js detaches each chunk after its callback).
 * Call it before any await: data that arrives earlier is lost.
 *
 * @throws {Problem} VANTAGE_BODY_TOO_LARGE as soon as more than `maxBytes` have arrived; the rest is then read and dropped.
 * @throws {RequestAborted} when the client closes the connection first.
 */
export function readBody({ res, onAborted }: BodySource, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let bytes = 0
    let tooLarge = false
    onAborted(() => {
      chunks = []
      reject(new RequestAborted())
    })
    res.onData((chunk, isLast) => {
      if (tooLarge) return
      bytes += chunk.byteLength
      if (bytes > maxBytes) {
        tooLarge = true
        chunks = []
        reject(bodyTooLarge(maxBytes))
        return
      }
      const copy = Buffer.from(Buffer.from(chunk))
      if (!isLast) chunks.push(copy)
      else resolve(chunks.length === 0 ? copy : Buffer.concat([...chunks, copy], bytes))
    })
  })
}

export function bodyTooLarge(maxBytes: number): Problem {
  const mebibytes = Math.round((maxBytes / 2 ** 20) * 1000) / 1000
  return new Problem('VANTAGE_BODY_TOO_LARGE', `The body is larger than ${mebibytes} MiB`)
}

export type Response = { status: number; keepAlive: boolean }

const headEnd = '\r\n\r\n'
const maxHeadBytes = 65_536
const lastChunk = /(?:^|\r\n)0+\r\n(?:[^\r\n]+\r\n)*\r\n$/

/** Finds where a response ends and keeps only its status. */
export class ResponseReader {
  #text = ''

  /** Adds received bytes; returns the response once it is complete. */
  read(chunk: Buffer): Response | undefined {
    this.#text += chunk.toString('latin1')
    const end = this.#text.indexOf(headEnd)
    if (end === -1) {
      if (this.#text.length > maxHeadBytes) throw new Error('the response has no end of headers')
      return undefined
    }
    const head = this.#text.slice(0, end)
    const status = Number(head.slice(9, 12))
    const body = this.#text.slice(end + headEnd.length)
    if (!isComplete(head, body)) return undefined
    this.#text = ''
    return { status, keepAlive: !/^connection:\s*close/im.test(head) }
  }

  reset(): void {
    this.#text = ''
  }
}

function isComplete(head: string, body: string): boolean {
  const length = /^content-length:\s*(\d+)/im.exec(head)?.[1]
  if (length !== undefined) return body.length >= Number(length)
  if (/^transfer-encoding:.*chunked/im.test(head)) return lastChunk.test(body)
  return true
}

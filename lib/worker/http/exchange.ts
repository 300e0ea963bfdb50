import { STATUS_CODES } from 'node:http'
import { type RequestTrace, untraced } from '../../ingest/request-trace.js'
import type { Answer } from '../../shared/answer.js'
import type { HttpRequest, HttpResponse } from '../uwebsockets.js'
import type { StalledRequests } from './stalled-requests.js'

/** With TLS, the certificate that the client has shown, in PEM, '' if none; missing in the types. */
type TlsResponse = HttpResponse & { getX509Certificate(): string }

/** An answer up to this size is left to uWebSockets.js, which copies what a client does not read at once. */
const maxCopiedBytes = 65_536

const notTraced = untraced({})

/** One request and its answer. Made in the route's handler, before anything is awaited. */
export class Exchange {
  readonly res: HttpResponse
  /** In upper case, as in the RFCs. */
  readonly method: string
  /** Gives a request header by its lower-case name, '' if absent; until the first await only. */
  readonly header: (name: string) => string
  /** The path it asks for; until the first await only. */
  readonly path: () => string
  /** The API key it came with, where authentication is on. */
  keyName: string | undefined
  /** Whom limits and fairness count it for: see client.ts. */
  client = ''
  trace: RequestTrace = notTraced
  /** Headers that its answer will carry, whatever it is. */
  readonly answerHeaders: Record<string, string> = {}
  /** The values of all headers of this lower-case name; until the first await only. */
  readonly headerValues: (name: string) => string[]
  /** Whether the client has shown a certificate, which the handshake has held against VANTAGE_TLS_CA_FILE then. */
  readonly showsCertificate: () => boolean
  readonly #stalled: StalledRequests
  /** It has its answer, or there is nobody left to answer. */
  #over = false
  #onAborted: (() => void) | undefined

  constructor(res: HttpResponse, req: HttpRequest, stalled: StalledRequests) {
    this.res = res
    this.#stalled = stalled
    this.method = req.getCaseSensitiveMethod()
    this.header = (name) => req.getHeader(name)
    this.headerValues = (name) => {
      const values: string[] = []
      req.forEach((key, value) => void (key === name && values.push(value)))
      return values
    }
    this.path = () => req.getUrl()
    this.showsCertificate = () => (res as TlsResponse).getX509Certificate() !== ''
    res.onAborted(() => {
      this.#over = true
      this.#stalled.forget(res)
      this.#onAborted?.()
    })
  }

  /** Sets who is told that the client has gone. uWebSockets.js has room for one listener, and this object is it. */
  readonly onAborted = (listener: () => void): void => {
    this.#onAborted = listener
  }

  /** Tells that a part of the body has come. A client that is slow with the next ones loses its connection. */
  readonly received = (bytes: number, isLast: boolean): void => {
    if (this.#over) return
    if (isLast) this.#stalled.noteWaiting(this.res)
    else this.#stalled.noteReceived(this.res, bytes)
  }

  /** Writes the answer, unless the client has gone. `close` ends the connection after it. */
  send({ status, headers = {}, body = '' }: Answer, more: Readonly<Record<string, string>>, close: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#stalled.forget(this.res)
    this.res.cork(() => {
      this.res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`)
      for (const name in headers) this.res.writeHeader(name, headers[name] ?? '')
      for (const name in this.answerHeaders) this.res.writeHeader(name, this.answerHeaders[name] ?? '')
      for (const name in more) this.res.writeHeader(name, more[name] ?? '')
      // Afterwards uWebSockets.js takes the answer for unfinished and would cut off the next request, so the client is told.
      if (this.method === 'HEAD') this.res.endWithoutBody(Buffer.byteLength(body), true)
      else if (body.length > maxCopiedBytes && !close)
        this.#sendInParts(typeof body === 'string' ? Buffer.from(body) : body)
      else this.res.end(body, close)
    })
  }

  /** As the client reads: what it has not read yet would else be copied, for each of many slow ones. */
  #sendInParts(body: Uint8Array): void {
    const sendFrom = (offset: number): boolean => {
      const [taken, done] = this.res.tryEnd(body.subarray(offset), body.length)
      if (done) this.#stalled.forget(this.res)
      else this.#stalled.noteWritten(this.res)
      return taken
    }
    this.res.onWritable(sendFrom)
    sendFrom(0)
  }
}

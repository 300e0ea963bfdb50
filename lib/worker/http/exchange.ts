import { STATUS_CODES } from 'node:http'
import type { Format } from '../../ingest/format.js'
import type { BodyLimits } from '../../ingest/ingest.js'
import { type RequestTrace, untraced } from '../../ingest/request-trace.js'
import { type Answer, problemAnswer } from '../../shared/answer.js'
import { Problem } from '../../shared/errors.js'
import type { HttpRequest, HttpResponse } from '../uwebsockets.js'
import { collectBody, RequestBody } from './request-body.js'
import type { StalledRequests } from './stalled-requests.js'

/** With TLS, the certificate that the client has shown, in PEM, '' if none; missing in the types. */
type TlsResponse = HttpResponse & { getX509Certificate(): string }

/** An answer up to this size is left to uWebSockets.js, which copies what a client does not read at once. */
const maxCopiedBytes = 65_536
/** While it parses, it keeps up to so much back, and throws that away when it finds an error behind the request. */
const heldBackBytes = 16_384

const notTraced = untraced({})
const plain = { problem: problemAnswer }

/** One request and its answer. Made in the route's handler, before anything is awaited. */
export class Exchange {
  /** The route that serves it, as figures and traces name it. */
  readonly route: string
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
  /** How its errors are answered. */
  format: Pick<Format, 'problem'> = plain
  /** Headers that its answer will carry, whatever it is. */
  readonly answerHeaders: Record<string, string> = {}
  /** The values of all headers of this lower-case name; until the first await only. */
  readonly headerValues: (name: string) => string[]
  /** Whether the client has shown a certificate, which the handshake has held against VANTAGE_TLS_CA_FILE then. */
  readonly showsCertificate: () => boolean
  readonly #stalled: StalledRequests
  readonly #body: RequestBody
  /** Whether the connection is to be closed after the answer. */
  #closes: boolean
  /** uWebSockets.js is going to find an error in what follows: what is to be read must be out before. */
  #comesBeforeError = false
  /** What the client asks before it sends its body, where uWebSockets.js has not answered that. */
  readonly #expectation: string
  #toldToContinue = false
  /** It has its answer, or its client has gone. */
  #over = false
  #onAborted: (() => void) | undefined

  constructor(route: string, res: HttpResponse, req: HttpRequest, stalled: StalledRequests) {
    this.route = route
    this.res = res
    this.#stalled = stalled
    this.#body = new RequestBody(res, stalled)
    this.method = req.getCaseSensitiveMethod()
    this.header = (name) => req.getHeader(name)
    this.headerValues = (name) => {
      const values: string[] = []
      req.forEach((key, value) => void (key === name && values.push(value)))
      return values
    }
    this.path = () => req.getUrl()
    this.showsCertificate = () => (res as TlsResponse).getX509Certificate() !== ''
    this.#expectation = req.getHeader('expect')
    this.#closes = asksToClose(req.getHeader('connection')) || this.#awaitsContinue
    res.onAborted(() => {
      this.#over = true
      this.#body.over()
      this.#onAborted?.()
    })
  }

  /** The whole body; to be called before the first await. */
  readBody(limits: BodyLimits): Promise<Buffer> {
    return collectBody(
      { onAborted: (listener) => (this.#onAborted = listener), onBody: (take, end) => this.#onBody(take, end) },
      limits,
    )
  }

  /** @throws {Problem} VANTAGE_UNSUPPORTED_FRAMING, VANTAGE_UNSUPPORTED_EXPECTATION */
  #onBody(take: (part: ArrayBuffer) => void, end: (problem?: Problem) => void): void {
    const isChunked = this.header('content-length') === ''
    if (isChunked && this.header('trailer') !== '') {
      this.#closes = true
      this.#comesBeforeError = true
      throw new Problem('VANTAGE_UNSUPPORTED_FRAMING', 'Trailers behind the body cannot be read')
    }
    if (this.#awaitsContinue) this.#tellToContinue()
    // Only behind chunks may there be trailers, and who closes the connection may have closed his half of it by now.
    this.#body.read(take, end, isChunked, isChunked || this.#closes)
  }

  /** Whether the client may wait for a 100 before it sends its body: uWebSockets.js answers this exact spelling only. */
  get #awaitsContinue(): boolean {
    return this.#expectation !== '' && this.#expectation !== '100-continue'
  }

  #tellToContinue(): void {
    if (this.#expectation.toLowerCase() !== '100-continue') {
      const shown = JSON.stringify(this.#expectation.slice(0, 100))
      throw new Problem('VANTAGE_UNSUPPORTED_EXPECTATION', `Expect ${shown} is not 100-continue`)
    }
    this.#toldToContinue = true
    this.#closes = asksToClose(this.header('connection'))
    this.res.writeStatus('100 Continue\r\n')
  }

  /** Writes the answer, unless the client has gone. `close` ends the connection after it. */
  send(answer: Answer, more: Readonly<Record<string, string>>, close: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#body.answered()
    const closes = close || this.#closes || this.#body.isHalfRead
    this.res.cork(() => {
      const { status, body = '' } = answer
      this.#writeHead(answer, more, closes)
      if (status === 204 || status === 304) this.#endWithout(closes)
      // uWebSockets.js takes this answer for unfinished and would cut off the next request, so the connection is closed.
      else if (this.method === 'HEAD') this.res.endWithoutBody(Buffer.byteLength(body), true)
      else if (closes && this.method !== 'GET' && !this.#body.isThrough && typeof body === 'string')
        this.#sendBeforeTheRest(body)
      else if (body.length > maxCopiedBytes && !closes)
        this.#sendInParts(typeof body === 'string' ? Buffer.from(body) : body)
      else this.res.end(body, closes)
    })
  }

  #writeHead({ status, headers = {} }: Answer, more: Readonly<Record<string, string>>, closes: boolean): void {
    const line = statusLine(status, closes || this.method === 'HEAD')
    // uWebSockets.js writes one status line a request, and that was 100.
    if (this.#toldToContinue) this.res.writeHeader(`HTTP/1.1 ${line}\r\nConnection`, closes ? 'close' : 'keep-alive')
    else this.res.writeStatus(line)
    for (const name in headers) this.res.writeHeader(name, headers[name] ?? '')
    for (const name in this.answerHeaders) this.res.writeHeader(name, this.answerHeaders[name] ?? '')
    for (const name in more) this.res.writeHeader(name, more[name] ?? '')
  }

  /** A Content-Length would be wrong (RFC 9110, 8.6), and uWebSockets.js writes none only where it is not asked to close. */
  #endWithout(closes: boolean): void {
    if (closes) this.res.writeHeader('Connection', 'close')
    this.res.endWithoutBody()
  }

  /**
   * The whole answer goes out as headers: uWebSockets.js would close the connection behind it, and what the client still
   * sends would make the kernel reset it, which takes the answer away (RFC 9112, 9.6).
   */
  #sendBeforeTheRest(body: string): void {
    if (this.#comesBeforeError) {
      // Without a length, the answer goes on until the connection ends: data behind its end would be a fault for some clients.
      this.res.writeHeader('Connection', `close\r\n\r\n${body.padEnd(heldBackBytes)}`)
    } else {
      const length = Buffer.byteLength(body) + lineBreak.length
      this.res.writeHeader('Connection', 'close')
      this.res.writeHeader('Content-Length', `${length}\r\n\r\n${body}`)
    }
    this.#body.dropRest()
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

/** Ends each header, and so the answer that goes out as one. */
const lineBreak = '\r\n'

/** A list (RFC 9110, 7.6.1); uWebSockets.js closes by itself where it is just `close`. */
function asksToClose(connection: string): boolean {
  return connection !== '' && /(?:^|[,\s])close(?:[,\s]|$)/i.test(connection)
}

/** How long a client may count on its connection. uWebSockets.js closes it when it has been idle for 8 to 12 seconds. */
const keepAlive = 'Keep-Alive: timeout=7'
const statusLines = new Map<number, string>()

/** With Keep-Alive: a call of uWebSockets.js for a header costs more than a longer line. */
function statusLine(status: number, closes: boolean): string {
  if (closes) return `${status} ${STATUS_CODES[status] ?? ''}`
  const known = statusLines.get(status) ?? `${status} ${STATUS_CODES[status] ?? ''}\r\n${keepAlive}`
  statusLines.set(status, known)
  return known
}

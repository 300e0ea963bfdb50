import { connect, type Socket } from 'node:net'
import type { FuzzCase } from './cases.js'

/** What a case came to: the answer's status and body, or that the connection ended without one. */
export type Outcome = { status: number; body: string } | 'closed' | 'silent'

/** uWebSockets.js closes what stays incomplete within 12 s; whatever is silent for longer hangs. */
const silentAfterMs = 15_000

/** A keep-alive connection that sends one case after the other, opened again when it has been closed. */
export class FuzzConnection {
  readonly #port: number
  readonly #next: () => FuzzCase | undefined
  readonly #onOutcome: (fuzzCase: FuzzCase, outcome: Outcome) => void
  readonly #onEnd: () => void
  #current: FuzzCase | undefined
  #received = ''

  constructor(
    port: number,
    next: () => FuzzCase | undefined,
    onOutcome: (fuzzCase: FuzzCase, outcome: Outcome) => void,
    onEnd: () => void,
  ) {
    this.#port = port
    this.#next = next
    this.#onOutcome = onOutcome
    this.#onEnd = onEnd
    this.#open()
  }

  #open(): void {
    const socket = connect(this.#port, '127.0.0.1', () => this.#send(socket))
    socket.setNoDelay(true)
    socket.setTimeout(silentAfterMs, () => {
      this.#settle('silent')
      socket.destroy()
    })
    socket.on('data', (chunk) => this.#receive(socket, chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      const ended = this.#current === undefined && this.#received === 'end'
      if (this.#current !== undefined) this.#settle('closed')
      this.#received = ''
      if (ended) this.#onEnd()
      else this.#open()
    })
  }

  #send(socket: Socket): void {
    const fuzzCase = this.#next()
    if (fuzzCase === undefined) {
      this.#received = 'end'
      socket.destroy()
      return
    }
    this.#current = fuzzCase
    if (fuzzCase.ends === 'abort') socket.write(fuzzCase.bytes, () => socket.destroy())
    else socket.write(fuzzCase.bytes)
  }

  #receive(socket: Socket, chunk: Buffer): void {
    if (this.#current?.ends === 'abort') return
    this.#received += chunk.toString('latin1')
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const isHead = this.#current?.bytes.subarray(0, 5).equals(headMethod) === true
    const length = isHead ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < headEnd + 4 + length) return
    const body = this.#received.slice(headEnd + 4)
    this.#received = ''
    this.#settle({ status: Number(head.slice(9, 12)), body })
    if (/\r\nconnection: close/i.test(head)) socket.destroy()
    else this.#send(socket)
  }

  #settle(outcome: Outcome): void {
    const fuzzCase = this.#current
    this.#current = undefined
    if (fuzzCase !== undefined) this.#onOutcome(fuzzCase, outcome)
  }
}

const headMethod = Buffer.from('HEAD ')

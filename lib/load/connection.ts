import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ResponseReader } from './response-reader.js'

/** The outcome of a request: a status, or why there was none. */
export type Outcome = { status: number } | { failure: string }

/**
 * A keep-alive HTTP/1.1 connection with one request at a time; opened again where the server closes it. On a raw socket
 * a request costs a fifth of the CPU time that node:http takes (bench/NOTES.md).
 */
export class Connection {
  readonly #url: URL
  readonly #reader = new ResponseReader()
  #socket: Socket | undefined
  #settle: ((outcome: Outcome) => void) | undefined

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** Sends a whole request. Its bytes must not change until the outcome is there. */
  post(request: Buffer): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#settle = resolve
      this.#socket ??= this.#open()
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const { protocol, hostname, port } = this.#url
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket =
      protocol === 'https:'
        ? connectTls({ host, port: Number(port || 443), servername: host })
        : connect({ host, port: Number(port || 80) })
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    let reason = 'connection closed'
    socket.on('error', ({ message }) => {
      reason = message
    })
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#reader.reset()
      this.#finish({ failure: reason })
    })
    return socket
  }

  #receive(chunk: Buffer): void {
    const response = this.#reader.read(chunk)
    if (response === undefined) return
    if (!response.keepAlive) {
      this.#socket?.destroy()
      this.#socket = undefined
    }
    this.#finish({ status: response.status })
  }

  #finish(outcome: Outcome): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.(outcome)
  }
}

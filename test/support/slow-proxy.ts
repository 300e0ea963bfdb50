import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** What the proxy does to each piece that passes, either way. */
export type Impediment = { delayMs: number; bytesPerSecond: number }

/** Stands between the collector and a broker, and lets everything pass until it is told otherwise. */
export class SlowProxy {
  readonly port: number
  readonly #server: Server
  readonly #brokerPort: number
  readonly #sockets = new Set<Socket>()
  #impediment: Impediment | undefined
  #answersHeld: Promise<void> | undefined
  #releaseAnswers: (() => void) | undefined
  readonly #silent = new Set<Socket>()
  readonly #stopped: Promise<void>
  #stop: () => void = () => undefined

  private constructor(server: Server, port: number, brokerPort: number) {
    this.#server = server
    this.port = port
    this.#brokerPort = brokerPort
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve
    })
    server.on('connection', (client) => void this.#carry(client))
  }

  static async start(brokerPort: number): Promise<SlowProxy> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
    return new SlowProxy(server, address.port, brokerPort)
  }

  impede(impediment: Impediment | undefined): void {
    this.#impediment = impediment
  }

  /** Requests pass, answers do not: the broker has records of which the collector does not hear. */
  holdAnswers(): void {
    this.#answersHeld = new Promise((resolve) => {
      this.#releaseAnswers = resolve
    })
  }

  releaseAnswers(): void {
    this.#answersHeld = undefined
    this.#releaseAnswers?.()
  }

  /** Breaks all connections that stand. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Nothing passes on the connections that stand, and neither side learns of it; new ones work. */
  silence(): void {
    for (const socket of this.#sockets) this.#silent.add(socket)
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#stop()
    this.releaseAnswers()
    this.cut()
  }

  async #carry(client: Socket): Promise<void> {
    const broker = connect({ host: '127.0.0.1', port: this.#brokerPort, noDelay: true })
    for (const socket of [client, broker]) {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    }
    const requests = pipeline(client, (pieces: AsyncIterable<Buffer>) => this.#impeded(pieces, client), broker)
    const answers = pipeline(
      broker,
      (pieces: AsyncIterable<Buffer>) => this.#held(this.#impeded(pieces, client)),
      client,
    )
    // However one side ends, by a broken connection as well, the other learns of it.
    await Promise.allSettled([requests, answers])
    client.destroy()
    broker.destroy()
  }

  async *#impeded(pieces: AsyncIterable<Buffer>, client: Socket): AsyncIterable<Buffer> {
    for await (const piece of pieces) {
      if (this.#silent.has(client)) await this.#stopped
      const impediment = this.#impediment
      if (impediment !== undefined) {
        await pause(impediment.delayMs + (1000 * piece.length) / impediment.bytesPerSecond)
      }
      yield piece
    }
  }

  async *#held(pieces: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const piece of pieces) {
      await this.#answersHeld
      yield piece
    }
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../../config/config.js'
import { openFilesLimit, possibleConnections } from '../../shared/open-files.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { App, closeListenSocket, type ListenSocket, SSLApp, type TemplatedApp } from '../uwebsockets.js'

const lookEveryMs = 20
/** While the worker drains, connections on which nothing has come for this long are taken for idle. */
const quietMs = 1000

/** The HTTP server of a worker: listens on the port that all workers share, and goes without cutting off a request. */
export class Listener {
  readonly app: TemplatedApp
  #socket: ListenSocket | undefined
  readonly #telemetry: Telemetry
  #requests = 0
  #lastRequestAt = -Infinity

  /** @throws {Error} when the files of TLS cannot be used */
  constructor(config: Config, telemetry: Telemetry) {
    const maxConnections = Math.min(config.maxConnections, possibleConnections(openFilesLimit()))
    this.app = createApp(config)
    this.#telemetry = telemetry
    const { counts, gauges } = telemetry
    gauges.connectionsLimit = maxConnections
    // biome-ignore lint/suspicious/useIterableCallbackReturn: this is not Array.filter
    this.app.filter((res, change) => {
      gauges.connections += change
      if (change < 0 || gauges.connections <= maxConnections) return
      counts.connectionsOverLimit++
      res.close()
    })
  }

  /** @throws {Error} when the address cannot be had */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.app.listen(host, port, (socket) => {
        if (socket === false) return reject(new Error(`Cannot listen on ${host}:${port}`))
        this.#socket = socket
        resolve()
      })
    })
  }

  requestStarted(): void {
    this.#requests++
    this.#lastRequestAt = performance.now()
  }

  requestEnded(): void {
    this.#requests--
  }

  /**
   * Stops accepting connections, waits until the clients have closed theirs (each answer asks them to) or leave them
   * idle, then closes what is left. Resolves within `timeoutMs`.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#socket !== undefined) closeListenSocket(this.#socket)
    this.#socket = undefined
    const startedAt = performance.now()
    const deadline = startedAt + timeoutMs
    for (let now = startedAt; now < deadline && this.#telemetry.gauges.connections > 0; now = performance.now()) {
      if (this.#requests === 0 && now - Math.max(startedAt, this.#lastRequestAt) > quietMs) break
      await pause(lookEveryMs)
    }
    this.app.close()
  }
}

/**
 * uSockets sets TLS 1.2 as the least version by itself. Of a CA it makes this: who shows a certificate of another is
 * turned away in the handshake, who shows none is let through, so that guard.ts looks again.
 */
function createApp({ tlsCertFile, tlsKeyFile, tlsCaFile }: Config): TemplatedApp {
  if (tlsCertFile === '') return App()
  const ca = tlsCaFile === '' ? {} : { ca_file_name: tlsCaFile }
  try {
    return SSLApp({ cert_file_name: tlsCertFile, key_file_name: tlsKeyFile, ...ca })
  } catch {
    // It does not say why. What Node finds wrong with the files was reported at the start (tls-files.ts).
    throw new Error(
      `uWebSockets.js cannot use ${tlsCertFile} with ${tlsKeyFile}; a key of RSA 2048 or P-256 is sure to do`,
    )
  }
}

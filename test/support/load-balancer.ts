import { once } from 'node:events'
import { Agent, createServer, request, type Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

const lookEveryMs = 50

/**
 * A reverse proxy as Kubernetes' services and ingresses are: it gives requests in turn to the backends whose /ready said
 * 200 last, and tries none of them twice.
 */
export class LoadBalancer {
  readonly #backends = new Map<string, { ready: boolean; agent: Agent }>()
  readonly #server: Server
  #turn = 0
  #watching = true
  url = ''

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      const ready = [...this.#backends].filter(([, backend]) => backend.ready)
      const [origin, backend] = ready[this.#turn++ % ready.length] ?? []
      if (origin === undefined) return void outgoing.writeHead(502).end('no backend is ready')
      const { method, url, headers } = incoming
      const forwarded = request(`${origin}${url}`, { method, headers, agent: backend?.agent }, (answer) => {
        // Connections belong to each hop (RFC 9110, section 7.6.1).
        const { connection, 'keep-alive': _, ...kept } = answer.headers
        outgoing.writeHead(answer.statusCode ?? 502, kept)
        answer.pipe(outgoing)
      })
      forwarded.on('error', (error) => outgoing.writeHead(502).end(String(error)))
      incoming.pipe(forwarded)
    })
  }

  static async start(): Promise<LoadBalancer> {
    const balancer = new LoadBalancer()
    balancer.#server.listen(0, '127.0.0.1')
    await once(balancer.#server, 'listening')
    balancer.url = `http://127.0.0.1:${Object(balancer.#server.address()).port}`
    void balancer.#watch()
    return balancer
  }

  add(origin: string): void {
    this.#backends.set(origin, { ready: false, agent: new Agent({ keepAlive: true }) })
  }

  /** No further request goes there. */
  remove(origin: string): void {
    this.#backends.delete(origin)
  }

  isReady(origin: string): boolean {
    return this.#backends.get(origin)?.ready === true
  }

  stop(): void {
    this.#watching = false
    this.#server.close()
    this.#server.closeAllConnections()
    for (const { agent } of this.#backends.values()) agent.destroy()
  }

  async #watch(): Promise<void> {
    while (this.#watching) {
      await Promise.all(
        [...this.#backends].map(async ([origin, backend]) => {
          backend.ready = await fetch(`${origin}/ready`).then(
            ({ ok }) => ok,
            () => false,
          )
        }),
      )
      await pause(lookEveryMs)
    }
  }
}

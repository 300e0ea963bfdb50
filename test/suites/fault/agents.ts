import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { batchOf } from '../../../tools/batches.js'
import type { Durability, Ledger, LedgerBatch } from './ledger.js'

export type AgentsOptions = {
  port: number
  connections: number
  /** Metrics a second, of all agents together. */
  rate: number
  random: () => number
  /** Told of each answer that is no plain 202, and of each connection that broke. */
  onTrouble: (trouble: Trouble) => void
}

/** An answer other than 202 `accepted`, or how a connection broke. */
export type Trouble = { status: number; code: string } | { status: undefined; code: string }

export type AgentCounts = Record<Durability, number> & {
  metricsSent: number
  rejected: number
  unavailable: number
  lost: number
}

const meanBatchSize = 100
const answerTimeoutMs = 10_000
const retryAfterLossMs = 200
const retryAfter503Ms = 1000
/** How fast agents make up for time in which they could not send, as a multiple of their rate. */
const catchUpFactor = 2

/**
 * Agents as they should be: each on a connection of its own, sends a batch until it is answered 202, and sends it
 * again after a 503 or a broken connection. Batches have 1 to 200 metrics.
 */
export class Agents {
  readonly counts: AgentCounts = {
    kafka: 0,
    journal: 0,
    memory: 0,
    metricsSent: 0,
    rejected: 0,
    unavailable: 0,
    lost: 0,
  }
  readonly #options: AgentsOptions
  readonly #ledger: Ledger
  readonly #running: Promise<void>[]
  /** Batches that were sent and not answered yet, and since when. */
  readonly #unanswered = new Map<LedgerBatch, number>()
  #stopping = false
  #giveUpAtMs = Number.POSITIVE_INFINITY
  #held: Promise<void> | undefined
  #release: (() => void) | undefined
  #dueMs = performance.now()
  #nextMs = performance.now()

  constructor(ledger: Ledger, options: AgentsOptions) {
    this.#ledger = ledger
    this.#options = options
    this.#running = Array.from({ length: options.connections }, (_, n) => this.#run(`service-${n}`))
  }

  /** When the oldest batch was first sent that is not answered yet; undefined if all are. */
  get oldestUnansweredMs(): number | undefined {
    const [oldest] = this.#unanswered.values()
    return oldest
  }

  /** No new batches from now on; resolves when those that were begun are answered. */
  async hold(): Promise<void> {
    this.#held ??= new Promise((resolve) => {
      this.#release = resolve
    })
    while (this.#unanswered.size > 0) await pause(20)
  }

  resume(): void {
    this.#held = undefined
    this.#release?.()
  }

  /** No new batches, for good; those that were begun are sent until they are answered, or for `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true
    this.#giveUpAtMs = performance.now() + timeoutMs
    this.resume()
    await Promise.all(this.#running)
  }

  async #run(service: string): Promise<void> {
    const connection = new Agent({ keepAlive: true, maxSockets: 1 })
    for (;;) {
      const count = 1 + Math.floor(this.#options.random() * (2 * meanBatchSize - 1))
      await this.#due(count)
      await this.#held
      const batch = this.#stopping ? undefined : this.#ledger.open(count, service)
      if (batch === undefined) break
      await this.#deliver(connection, batch)
    }
    connection.destroy()
  }

  /** Waits for the batch's turn, so that all agents together keep the rate. */
  async #due(count: number): Promise<void> {
    const intervalMs = (1000 * count) / this.#options.rate
    this.#dueMs += intervalMs
    this.#nextMs = Math.max(this.#dueMs, this.#nextMs + intervalMs / catchUpFactor)
    const waitMs = this.#nextMs - performance.now()
    if (waitMs > 0) await pause(waitMs)
  }

  async #deliver(connection: Agent, batch: LedgerBatch): Promise<void> {
    const body = JSON.stringify(batchOf(batch.count, { service: batch.service, first: batch.first }))
    batch.sentAtMs = performance.now()
    this.#unanswered.set(batch, batch.sentAtMs)
    while (performance.now() < this.#giveUpAtMs) {
      this.counts.metricsSent += batch.count
      const retryAfterMs = await this.#attempt(connection, batch, body)
      if (retryAfterMs === undefined) break
      // Not all at once, as agents of a fleet would.
      await pause(retryAfterMs * (0.5 + this.#options.random()))
    }
    this.#unanswered.delete(batch)
  }

  /** Posts the batch. The time to wait before it is sent again; undefined when it is done with. */
  async #attempt(connection: Agent, batch: LedgerBatch, body: string): Promise<number | undefined> {
    const answer = await post(connection, this.#options.port, body).catch(codeOf)
    if (typeof answer === 'string') {
      batch.resends.push('answer lost')
      this.counts.lost++
      this.#options.onTrouble({ status: undefined, code: answer })
      return retryAfterLossMs
    }
    const { durability, metrics_accepted: accepted } = answer.body
    if (answer.status === 202 && accepted === batch.count && isDurability(durability)) {
      batch.durability = durability
      batch.answeredAtMs = performance.now()
      this.counts[durability] += batch.count
      return undefined
    }
    if (answer.status === 503) this.counts.unavailable++
    else this.counts.rejected += batch.count
    this.#options.onTrouble({ status: answer.status, code: String(answer.body.code ?? answer.body.status) })
    if (answer.status < 500) return undefined
    batch.resends.push('answered 503')
    return retryAfter503Ms
  }
}

type Answer = { status: number; body: Record<string, unknown> }

/** @throws {Error} when the connection breaks or nothing is answered in time */
function post(agent: Agent, port: number, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
    const path = '/v1/metrics'
    const sent = request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
      readJson(response).then((json) => resolve({ status: response.statusCode ?? 0, body: json }), reject)
    })
    sent.setTimeout(answerTimeoutMs, () => sent.destroy(new Error('no answer in time')))
    sent.once('error', reject)
    sent.end(body)
  })
}

async function readJson(response: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  const body: unknown = JSON.parse(text)
  return typeof body === 'object' && body !== null ? { ...body } : {}
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? String(error.code) : error.message
}

function isDurability(value: unknown): value is Durability {
  return value === 'kafka' || value === 'journal' || value === 'memory'
}

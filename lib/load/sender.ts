// One process of the load: its share of the connections and of the requests. Forked by load.ts.

import { now, startClock } from './clock.js'
import { Connection, type Outcome } from './connection.js'
import { type Message, renderMessages, setSequence } from './fleet.js'
import { createHistogram, encode, recordMs } from './histogram.js'
import type { AgentLedger } from './ledger.js'
import type { LoadOptions } from './options.js'

/** Messages from the parent to a sender. */
export type SenderTask = { options: LoadOptions; process: number }
export type SenderStart = { startAtMs: number }

/** What a sender reports: figures of the measurement since its last report, and at the end the ledgers. */
export type SenderReport = {
  /** Answers by status, and failures by reason. */
  outcomes: Record<string, number>
  /** Valid metrics answered 202. */
  acceptedMetrics: number
  latency: string
  /** How late the sender itself was to send what was due. */
  lag: string
  /** Share of the time that its event loop was busy. */
  utilization: number
  ledgers?: AgentLedger[]
}

const reportIntervalMs = 500
/** How long a connection of a closed loop pauses after a failure, instead of posting ten thousand times a second. */
const pauseAfterFailureMs = 10
/** How long to wait at the end for requests without an answer. */
const graceMs = 10_000

class Agent {
  readonly ledger: AgentLedger
  readonly #messages: Message[]
  readonly #connection: Connection

  constructor(agent: number, options: LoadOptions) {
    this.#messages = renderMessages(agent, options)
    this.#connection = new Connection(options.url)
    this.ledger = { agent, good: this.#messages.map(({ good }) => good), sent: 0, unacknowledged: [] }
  }

  /** Posts the next batch; gives its outcome and how many valid metrics it has. */
  async post(): Promise<{ outcome: Outcome; good: number }> {
    const sequence = this.ledger.sent++
    const message = this.#messages[sequence % this.#messages.length]
    if (message === undefined) throw new Error('an agent has no messages')
    setSequence(message, sequence)
    const outcome = await this.#connection.post(message.bytes)
    if (!('status' in outcome) || outcome.status < 200 || outcome.status > 299)
      this.ledger.unacknowledged.push(sequence)
    return { outcome, good: message.good }
  }

  close(): void {
    this.#connection.close()
  }
}

class Sender {
  readonly #options: LoadOptions
  readonly #process: number
  readonly #agents: Agent[]
  #startAtMs = 0
  #measureFromMs = 0
  #endAtMs = 0
  #figures = freshFigures()

  constructor({ options, process }: SenderTask) {
    this.#options = options
    this.#process = process
    const mine = Array.from({ length: options.connections }, (_, n) => n).filter(
      (n) => n % options.processes === process,
    )
    this.#agents = mine.map((n) => new Agent(n, options))
  }

  async run({ startAtMs }: SenderStart, report: (report: SenderReport) => void): Promise<void> {
    const { warmUpSeconds, seconds, metricsPerSecond } = this.#options
    this.#startAtMs = startAtMs
    this.#measureFromMs = startAtMs + 1000 * warmUpSeconds
    this.#endAtMs = this.#measureFromMs + 1000 * seconds
    const reporter = setInterval(() => report(this.#takeFigures()), reportIntervalMs)
    const finished = metricsPerSecond === null ? this.#closedLoop() : this.#openLoop(metricsPerSecond)
    await Promise.race([finished, until(this.#endAtMs + graceMs)])
    clearInterval(reporter)
    for (const agent of this.#agents) agent.close()
    report({ ...this.#takeFigures(), ledgers: this.#agents.map(({ ledger }) => ledger) })
  }

  /** Each connection posts as soon as it has its answer. */
  async #closedLoop(): Promise<void> {
    await until(this.#startAtMs)
    await Promise.all(
      this.#agents.map(async (agent) => {
        for (let due = now(); due < this.#endAtMs; due = now()) {
          const accepted = await this.#post(agent, due)
          if (!accepted) await until(now() + pauseAfterFailureMs)
        }
      }),
    )
  }

  /**
   * Requests fall due at a constant rate, whether or not earlier ones are answered; one for which no connection is free
   * waits for it. Latency counts from when it was due, so a stall of the server is not hidden by what was not sent
   * meanwhile (coordinated omission).
   */
  #openLoop(metricsPerSecond: number): Promise<void> {
    const { processes, batchSize, seconds, warmUpSeconds } = this.#options
    const everyMs = (1000 * batchSize) / metricsPerSecond
    const intervalMs = everyMs * processes
    const firstAtMs = this.#startAtMs + everyMs * this.#process
    const total = Math.floor((1000 * (seconds + warmUpSeconds)) / intervalMs)
    const idle = [...this.#agents]
    /** What fell due and waits for a connection, oldest first, is numbered from `sent` up to `due`. */
    let sent = 0
    let due = 0
    let answered = 0
    return new Promise((resolve) => {
      const sendDue = () => {
        while (sent < due) {
          // The one that has rested longest: those that rest for 8 s are closed by the server, and fleets take turns, too.
          const agent = idle.shift()
          if (agent === undefined) return
          void this.#post(agent, firstAtMs + intervalMs * sent++).then(() => {
            idle.push(agent)
            answered++
            if (answered === total) resolve()
            else sendDue()
          })
        }
      }
      const stop = startClock({ firstAtMs, intervalMs }, () => {
        const at = now()
        for (; due < total && firstAtMs + intervalMs * due <= at; due++) {
          if (firstAtMs + intervalMs * due >= this.#measureFromMs)
            recordMs(this.#figures.lag, at - firstAtMs - intervalMs * due)
        }
        sendDue()
        if (due === total) stop()
      })
    })
  }

  /** Whether it was accepted. */
  async #post(agent: Agent, dueMs: number): Promise<boolean> {
    const { outcome, good } = await agent.post()
    const at = now()
    const label = 'status' in outcome ? String(outcome.status) : outcome.failure
    const accepted = label.startsWith('2')
    if (dueMs < this.#measureFromMs) return accepted
    recordMs(this.#figures.latency, at - dueMs)
    this.#figures.outcomes[label] = (this.#figures.outcomes[label] ?? 0) + 1
    if (at <= this.#endAtMs && accepted) this.#figures.acceptedMetrics += good
    return accepted
  }

  #takeFigures(): SenderReport {
    const { outcomes, acceptedMetrics, latency, lag, loop } = this.#figures
    this.#figures = freshFigures()
    const { utilization } = performance.eventLoopUtilization(loop)
    return { outcomes, acceptedMetrics, latency: encode(latency), lag: encode(lag), utilization }
  }
}

function freshFigures() {
  const outcomes: Record<string, number> = {}
  return {
    outcomes,
    acceptedMetrics: 0,
    latency: createHistogram(),
    lag: createHistogram(),
    loop: performance.eventLoopUtilization(),
  }
}

function until(atMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - now())))
}

process.once('disconnect', () => process.exit(1))
process.once('message', (task: SenderTask) => {
  const sender = new Sender(task)
  process.once('message', async (start: SenderStart) => {
    await sender.run(start, (report) => process.send?.(report))
    process.disconnect()
    process.exit(0)
  })
  process.send?.('ready')
})

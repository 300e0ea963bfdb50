import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ledger } from './ledger.js'
import type { Gap, ReaderMessage, ReaderRequest } from './reader-process.js'

const measureEveryMs = 250

/** Reads the topic from its start for as long as the run lasts, and notes each record in the ledger. */
export class Reader {
  readonly #ledger: Ledger
  readonly #bootstrap: string
  readonly #topic: string
  #process: ChildProcess | undefined
  /** Records that were read. */
  records = 0
  /** Records that were not byte for byte what was sent. */
  altered = 0
  readonly gaps: Gap[] = []

  constructor(ledger: Ledger, bootstrap: string, topic: string) {
    this.#ledger = ledger
    this.#bootstrap = bootstrap
    this.#topic = topic
  }

  /** Begins at the start of the topic: again if the topic has been made again. */
  async start(): Promise<void> {
    const args = [this.#bootstrap, this.#topic]
    const child = fork(new URL('./reader-process.js', import.meta.url), args, { serialization: 'advanced' })
    this.#process = child
    child.on('message', (message: ReaderMessage) => this.#receive(message))
    await this.#next(child, 'ready')
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Resolves when all that is in the topic has been read. False if that is not so after `timeoutMs`. */
  async catchUp(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs
    while ((await this.#backlog()) !== 0) {
      if (performance.now() > deadline) return false
      await pause(measureEveryMs)
    }
    return true
  }

  async #backlog(): Promise<number | undefined> {
    const child = this.#process
    if (child?.connected !== true) throw new Error('the process that reads the topic has ended')
    const request: ReaderRequest = { type: 'measure backlog' }
    child.send(request)
    const answer = await this.#next(child, 'backlog')
    return answer.type === 'backlog' ? answer.records : undefined
  }

  #receive(message: ReaderMessage): void {
    if (message.type === 'gap') this.gaps.push(message)
    if (message.type !== 'read') return
    const now = performance.now()
    const { runs, altered } = message
    this.altered += altered
    for (let n = 0; n + 1 < runs.length; n += 2) {
      const [first = 0, count = 0] = runs.subarray(n, n + 2)
      this.records += count
      this.#ledger.see(first, count, now)
    }
  }

  /** @throws {Error} when the process ends instead */
  #next(child: ChildProcess, type: ReaderMessage['type']): Promise<ReaderMessage> {
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error('the process that reads the topic has ended'))
      const onMessage = (message: ReaderMessage) => {
        if (message.type !== type) return
        child.off('exit', onExit)
        child.off('message', onMessage)
        resolve(message)
      }
      child.on('exit', onExit)
      child.on('message', onMessage)
    })
  }
}

import { createWriteStream, readFileSync, type WriteStream } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Stats } from '../../../lib/telemetry/stats-schema.js'
import { Collector, type LogLine } from '../../../tools/collector.js'

export type SupervisorOptions = {
  port: number
  env: Record<string, string>
  logFile: string
  onLog: (line: LogLine) => void
}

const restartAfterMs = 300
const statsTimeoutMs = 1000
const stopTimeoutMs = 30_000

/** Keeps a collector running on its port and its journal, as systemd or Kubernetes would. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #log: WriteStream
  /** Settings beside those it was made with, from the next start on. */
  extraEnv: Record<string, string> = {}
  #collector: Collector | undefined
  #keeping: Promise<void> | undefined
  #stopping = false
  /** Workers that were seen and may still live, with their primary or without. */
  readonly #pids = new Set<number>()
  starts = 0
  /** How the last one ended. */
  lastExit: { code: number | null; signal: string | null } | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#log = createWriteStream(options.logFile)
  }

  start(): void {
    this.#keeping = this.#keep()
  }

  /** The figures of the collector; undefined while there is none that answers. */
  async stats(): Promise<Stats | undefined> {
    return this.#get('/v1/stats', (response) => response.json().then((stats) => stats as Stats))
  }

  async ready(): Promise<boolean> {
    return (await this.#get('/ready', async ({ status }) => status === 200)) ?? false
  }

  /** The workers of this moment, by what the system says. */
  workers(): number[] {
    const primary = this.#collector?.process.pid
    if (primary === undefined) return []
    const children = readOrNothing(`/proc/${primary}/task/${primary}/children`)
    const pids = children.trim().split(' ').filter(Boolean).map(Number)
    for (const pid of pids) this.#pids.add(pid)
    return pids
  }

  /** Workers that have outlived their primary. */
  orphans(): number[] {
    const children = this.workers()
    for (const pid of this.#pids) if (!this.#isOurs(pid)) this.#pids.delete(pid)
    return [...this.#pids].filter((pid) => !children.includes(pid))
  }

  signalPrimary(signal: NodeJS.Signals): void {
    this.#collector?.process.kill(signal)
  }

  signalWorker(pid: number, signal: NodeJS.Signals): void {
    signalIfThere(pid, signal)
  }

  /** SIGKILL to all of them at once. */
  killAll(): void {
    const workers = this.workers()
    this.signalPrimary('SIGKILL')
    for (const pid of workers) signalIfThere(pid, 'SIGKILL')
  }

  /** SIGTERM, then a new one; resolves when the old one has ended. */
  async restart(): Promise<void> {
    const { exit } = this.#collector ?? {}
    this.signalPrimary('SIGTERM')
    await exit
  }

  /** SIGTERM, and none after it. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.workers()
    this.signalPrimary('SIGTERM')
    const killer = setTimeout(() => this.signalPrimary('SIGKILL'), stopTimeoutMs)
    await this.#keeping
    clearTimeout(killer)
    for (const pid of this.orphans()) signalIfThere(pid, 'SIGKILL')
    this.#log.end()
  }

  async #keep(): Promise<void> {
    while (!this.#stopping) {
      const env = { ...this.#options.env, VANTAGE_API_PORT: String(this.#options.port), ...this.extraEnv }
      const collector = new Collector({ env, onLog: (line) => this.#onLog(line) })
      this.starts++
      this.#collector = collector
      this.lastExit = await collector.exit
      if (collector.stderr !== '') this.#log.write(collector.stderr)
      if (!this.#stopping) await pause(restartAfterMs)
    }
  }

  /** Whether the process is still the one that was started here: numbers are used again. */
  #isOurs(pid: number): boolean {
    return readOrNothing(`/proc/${pid}/environ`).split('\0').includes(`VANTAGE_API_PORT=${this.#options.port}`)
  }

  #onLog(line: LogLine): void {
    this.#log.write(`${JSON.stringify(line)}\n`)
    this.#options.onLog(line)
  }

  async #get<T>(path: string, read: (response: Response) => Promise<T>): Promise<T | undefined> {
    try {
      const signal = AbortSignal.timeout(statsTimeoutMs)
      const headers = { Connection: 'close' }
      return await read(await fetch(`http://127.0.0.1:${this.#options.port}${path}`, { headers, signal }))
    } catch {
      // Nobody is there, or whoever was asked has just been killed.
      return undefined
    }
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The process has ended.
    return ''
  }
}

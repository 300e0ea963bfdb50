import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { Stats } from '../lib/telemetry/stats-schema.js'
import { type ClientTls, fetchHttps } from './https-client.js'
import { waitFor } from './wait-for.js'

export type CollectorOptions = {
  /** host:port of the brokers. */
  kafka?: string
  env?: Record<string, string>
  args?: string[]
  cwd?: string
  /** Options of Node itself, for primary and workers. */
  nodeArgs?: string[]
  /** The command of a shell that starts another build, instead of this one with `args` and `nodeArgs`. */
  command?: string
  /** Most files that each of its processes may have open. */
  openFiles?: number
  /** How to speak HTTPS with it. */
  tls?: ClientTls
  /** Resolve only when /ready says 200. */
  ready?: boolean
  /** Takes the log instead of `logs`, which grows for as long as the collector runs. */
  onLog?: (line: LogLine) => void
  /** Descriptors that are standard output and standard error instead of `logs` and `stderr`. */
  output?: number
  errorOutput?: number
}

export type LogLine = { level: string; msg: string; [member: string]: unknown }
export type Reply = { status: number; headers: Headers; text: string; body: Record<string, unknown> }

const endTimeoutMs = 15_000

/** A machine may be busy for seconds: only tests of time-outs are to see one. */
const patience = { VANTAGE_ACK_TIMEOUT_MS: '20000' }

/** Starts the real collector on a free port, two workers unless the environment says otherwise; the test ends it. */
export async function startCollector(t: Test, options: CollectorOptions = {}): Promise<Collector> {
  const collector = new Collector({ ...options, env: { ...patience, ...options.env } })
  t.teardown(() => collector.end())
  await collector.listening()
  if (options.ready !== false) await waitFor(async () => (await collector.get('/ready')).status === 200, 'ready')
  return collector
}

/** A collector process, as an agent and an operator see it. */
export class Collector {
  readonly process: ChildProcess
  readonly logs: LogLine[] = []
  readonly #exit: Promise<{ code: number | null; signal: string | null }>
  readonly #tls: ClientTls | undefined
  stderr = ''
  url = ''

  constructor(options: CollectorOptions) {
    this.#tls = options.tls
    const { kafka, env = {}, args = [], nodeArgs = [], onLog = (line) => this.logs.push(line) } = options
    const { cwd = '.', openFiles, output = 'pipe', errorOutput = 'pipe' } = options
    const settings = {
      VANTAGE_API_HOST: '127.0.0.1',
      VANTAGE_API_PORT: '0',
      VANTAGE_API_WORKERS: '2',
      VANTAGE_JOURNAL_DIR: '',
      ...(kafka !== undefined && { VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka }),
      ...env,
    }
    const limited = openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}:${openFiles}`]
    const started =
      options.command === undefined
        ? [process.execPath, ...nodeArgs, resolve('dist/bin/vantage-collector.js'), ...args]
        : ['sh', '-c', `exec ${options.command}`]
    const [program = '', ...programArgs] = [...limited, ...started]
    const child = spawn(program, programArgs, {
      cwd,
      env: { ...process.env, ...settings },
      stdio: ['ignore', output, errorOutput],
    })
    this.process = child
    this.#exit = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
    if (child.stdout) createInterface(child.stdout).on('line', (line) => onLog(parseLine(line)))
    child.stderr?.on('data', (chunk) => {
      this.stderr += chunk
    })
  }

  /** Resolves when it takes connections. */
  async listening(): Promise<void> {
    const url = await waitFor(() => {
      if (this.process.exitCode !== null) throw new Error(`the collector ended: ${this.stderr}`)
      return this.logs.find(({ msg }) => msg === 'collector is listening')?.url
    }, 'the collector to listen')
    this.url = String(url)
  }

  /** POST /v1/metrics with anything; objects become JSON. */
  async post(body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    return this.request('POST', '/v1/metrics', { 'Content-Type': 'application/json', ...headers }, raw)
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.request('GET', path, headers)
  }

  async request(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string | Uint8Array,
  ): Promise<Reply> {
    const request = { method, headers, ...(body !== undefined && { body }) }
    const url = this.url + path
    const {
      status,
      headers: received,
      text,
    } = await (this.#tls ? fetchHttps(url, request, this.#tls) : fetchText(url, request))
    const isJson = /json/.test(received.get('content-type') ?? '')
    return { status, headers: received, text, body: isJson && text ? JSON.parse(text) : {} }
  }

  async stats(): Promise<Stats> {
    const { text } = await this.get('/v1/stats')
    return JSON.parse(text)
  }

  /** The value of a metric on /metrics; without labels in the name, the sum of its series. */
  async metric(name: string): Promise<number> {
    const { text } = await this.get('/metrics')
    const start = `vantage_collector_${name}`
    const samples = text.split('\n').filter((line) => line.startsWith(start) && /[ {]/.test(line[start.length] ?? ''))
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  async workerPids(): Promise<number[]> {
    return (await this.stats()).workers.map(({ pid }) => pid)
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null; signal: string | null }> {
    this.process.kill(signal)
    return this.#exit
  }

  get exit(): Promise<{ code: number | null; signal: string | null }> {
    return this.#exit
  }

  /** Lets it finish, as every collector must be able to, and kills it if it does not. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), endTimeoutMs)
    await this.stop()
    clearTimeout(timer)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.#exit
  }
}

async function fetchText(url: string, request: RequestInit) {
  const response = await fetch(url, request)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line)
  } catch {
    // Readable logs of --dev.
    return { level: 'text', msg: line }
  }
}

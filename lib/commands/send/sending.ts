import { createReadStream, statSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { CommandContext } from '../command.js'
import { Agent } from './agent.js'
import { type Batch, Batcher } from './batcher.js'
import type { SendOptions } from './options.js'
import { Progress } from './progress.js'
import { readEntries } from './read-entries.js'
import { Tally } from './tally.js'

const exitDelivered = 0
const exitUndelivered = 1
const exitRejected = 3
/** The exit code by which a shell reports a command that SIGINT ended. */
const exitInterrupted = 130

/** Longest line, and longest document that is not one metric a line. */
const maxInputBytes = 256 * 2 ** 20
const lookEveryMs = 50
/** Most lines about single metrics; more would not help anyone. */
const maxNotes = 20

/** One run of the send command: read, gather, post, and report what became of everything that was read. */
export class Sending {
  readonly #options: SendOptions
  readonly #context: CommandContext
  readonly #agent: Agent
  readonly #batcher: Batcher
  readonly #tally = new Tally()
  readonly #progress: Progress
  readonly #underWay = new Set<Promise<void>>()
  #notes = 0
  /** Why nothing more is read and posted. */
  #failure: Error | undefined

  constructor(options: SendOptions, context: CommandContext) {
    this.#options = options
    this.#context = context
    this.#batcher = new Batcher({ maxMetrics: options.batchSize, lingerMs: options.lingerMs })
    this.#progress = new Progress(context.terminal, this.#tally, sizeOf(options.file))
    this.#agent = new Agent({
      ...options,
      signal: context.signal,
      onRetry: (reason, waitMs) => this.#waiting(reason, waitMs),
    })
  }

  /** Resolves with the exit code. */
  async run(): Promise<number> {
    const { undelivered } = this.#options
    // So that a file that cannot be written shows before there is anything to write.
    if (undelivered !== undefined) await appendFile(undelivered, '')
    const looking = setInterval(() => this.#sendDue(), lookEveryMs)
    try {
      await this.#read()
      for (const batch of this.#batcher.takeAll()) await this.#send(batch)
      await Promise.all(this.#underWay)
    } finally {
      clearInterval(looking)
      this.#progress.stop()
    }
    return this.#finish()
  }

  async #read(): Promise<void> {
    const { file, envelope } = this.#options
    const { signal } = this.#context
    const input = file === '-' ? this.#context.input() : createReadStream(file)
    const close = () => input.destroy()
    signal.addEventListener('abort', close)
    try {
      for await (const entry of readEntries(this.#counted(input), { envelope, maxBytes: maxInputBytes })) {
        if ('reason' in entry) this.#reject(entry.origin, entry.reason)
        else await this.#send(this.#batcher.add(entry))
        if (this.#failure !== undefined) break
      }
    } catch (error) {
      // Reading ends with an error when the input is closed in the middle; what was read by then is sent.
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', close)
      input.destroy()
    }
  }

  async *#counted(input: Readable): AsyncGenerator<Uint8Array> {
    for await (const chunk of input) {
      this.#progress.readBytes += chunk.length
      yield chunk
    }
  }

  /** Resolves when the batch is on its way, for which there must be a connection free. */
  async #send(batch: Batch | undefined): Promise<void> {
    if (batch === undefined) return
    while (!this.#hasFreeConnection) await Promise.race(this.#underWay)
    this.#start(batch)
  }

  #sendDue(): void {
    if (!this.#hasFreeConnection) return
    const batch = this.#batcher.takeDue()
    if (batch !== undefined) this.#start(batch)
  }

  get #hasFreeConnection(): boolean {
    return this.#underWay.size < this.#options.connections
  }

  #start(batch: Batch): void {
    const delivery = this.#deliver(batch)
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error))
      })
      .finally(() => this.#underWay.delete(delivery))
    this.#underWay.add(delivery)
  }

  async #deliver(batch: Batch): Promise<void> {
    const { length } = batch.origins
    if (this.#failure !== undefined) return this.#tally.settle({ kind: 'undelivered' }, length)
    const outcome = await this.#agent.post(batch.body)
    this.#progress.state = ''
    this.#tally.settle(outcome, length)
    if (outcome.kind === 'undelivered') return this.#keep(batch, outcome.reason)
    if (outcome.kind === 'refused') this.#note(`${originsOf(batch)}: ${outcome.reason}`)
    for (const error of outcome.errors) this.#note(locate(error, batch.origins))
  }

  /** Saves a batch that is given up, to be sent later; without a file for that, the command ends. */
  async #keep({ body }: Batch, reason: string): Promise<void> {
    const { undelivered } = this.#options
    if (undelivered === undefined)
      throw new Error(`${this.#options.url} does not take metrics: ${reason}; the rest was not read`)
    this.#note(`not delivered, kept in ${undelivered}: ${reason}`)
    // A line break can only stand between the tokens of JSON, never within one.
    await appendFile(undelivered, `${body.toString().replace(/[\r\n]/g, ' ')}\n`)
  }

  #reject(origin: string, reason: string): void {
    this.#tally.rejected++
    this.#note(`${origin}: ${reason}`.replace(/^: /, ''))
  }

  #waiting(reason: string, waitMs: number): void {
    this.#tally.retries++
    this.#progress.state = `${reason}; trying again in ${(waitMs / 1000).toFixed(1)} s`
    if (this.#context.terminal === undefined) this.#note(this.#progress.state)
  }

  #note(text: string): void {
    this.#notes++
    if (this.#notes > maxNotes + 1) return
    this.#progress.clear()
    this.#context.note(this.#notes <= maxNotes ? text : 'What else there is to say is not shown')
  }

  #finish(): number {
    const { file, json } = this.#options
    const { undelivered, rejected } = this.#tally
    this.#context.print(`${json ? JSON.stringify(this.#tally) : this.#tally.describe()}\n`)
    if (this.#failure !== undefined) throw this.#failure
    // Standard input may never end by itself, so a signal is its normal end.
    if (this.#context.signal.aborted && file !== '-') return exitInterrupted
    if (undelivered > 0) return exitUndelivered
    return rejected > 0 ? exitRejected : exitDelivered
  }
}

/** The length of a file; undefined for what has none, such as a pipe. */
function sizeOf(file: string): number | undefined {
  return file === '-' ? undefined : (statSync(file, { throwIfNoEntry: false })?.size ?? undefined)
}

/** "metrics[3].value must be number" in the words of the input: "line 7: value must be number". */
function locate(error: string, origins: readonly string[]): string {
  const [, index, text] = /^metrics\[(\d+)\][. ](.*)$/s.exec(error) ?? []
  const origin = origins[Number(index)]
  return origin === undefined ? error : `${origin}: ${text}`
}

function originsOf({ origins }: Batch): string {
  return origins.length > 1 ? `${origins[0]} to ${origins.at(-1)}` : String(origins[0])
}

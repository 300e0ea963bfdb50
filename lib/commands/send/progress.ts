import { excerpt } from '../../shared/excerpt.js'
import type { Tally } from './tally.js'

type Terminal = Pick<NodeJS.WriteStream, 'write' | 'columns'>

const drawEveryMs = 100
const barWidth = 24
const clearLine = '\r\u001b[K'

/** A progress line on a terminal; nothing elsewhere. */
export class Progress {
  readonly #terminal: Terminal | undefined
  readonly #tally: Tally
  /** Length of the input; undefined if it may never end. */
  readonly #totalBytes: number | undefined
  readonly #timer: NodeJS.Timeout | undefined
  readBytes = 0
  /** What it is waiting for, if anything. */
  state = ''

  constructor(terminal: Terminal | undefined, tally: Tally, totalBytes: number | undefined) {
    this.#terminal = terminal
    this.#tally = tally
    this.#totalBytes = totalBytes
    if (terminal !== undefined) this.#timer = setInterval(() => this.#draw(), drawEveryMs)
  }

  /** Makes room for a line above the bar. */
  clear(): void {
    this.#terminal?.write(clearLine)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.clear()
  }

  #draw(): void {
    const figures = `${this.#bar()}${this.#tally.accepted.toLocaleString('en')} accepted, ${this.#tally.rate} metrics/s`
    const line = this.state === '' ? figures : `${figures}; ${this.state}`
    this.#terminal?.write(clearLine + excerpt(line, (this.#terminal.columns || 80) - 2))
  }

  #bar(): string {
    if (this.#totalBytes === undefined || this.#totalBytes === 0) return ''
    const share = Math.min(1, this.readBytes / this.#totalBytes)
    const done = Math.floor(share * barWidth)
    return `[${'='.repeat(done)}${' '.repeat(barWidth - done)}] ${Math.floor(share * 100)} % `
  }
}

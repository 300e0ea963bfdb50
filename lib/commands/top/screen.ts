import type { Readable } from 'node:stream'
import { ReadStream } from 'node:tty'
import { type Line, paint } from './cells.js'
import type { Size } from './page.js'

// Control sequences of xterm, which terminals share (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
const enter = '\u001b[?1049h\u001b[?25l'
const leave = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const eraseRight = '\u001b[K'
const eraseBelow = '\u001b[J'
const ctrlC = '\u0003'

export type ScreenEvents = { onResize: () => void; onQuit: () => void }

/** The whole screen of a terminal, restored at the end. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #keys: Readable
  readonly #events: ScreenEvents

  constructor(out: NodeJS.WriteStream, keys: Readable, events: ScreenEvents) {
    this.#out = out
    this.#keys = keys
    this.#events = events
  }

  open(): void {
    this.#out.write(enter)
    this.#out.on('resize', this.#events.onResize)
    if (!(this.#keys instanceof ReadStream)) return
    // So that keys arrive at once and are not echoed.
    this.#keys.setRawMode(true)
    this.#keys.on('data', this.#onKey)
  }

  close(): void {
    this.#out.off('resize', this.#events.onResize)
    if (this.#keys instanceof ReadStream) {
      this.#keys.off('data', this.#onKey)
      this.#keys.setRawMode(false)
      this.#keys.pause()
    }
    this.#out.write(leave)
  }

  /** Its size; 24 by 80 for a terminal that does not say, such as a serial line. */
  get size(): Size {
    return { columns: this.#out.columns || 80, rows: this.#out.rows || 24 }
  }

  draw(lines: Line[]): void {
    // hasColors knows NO_COLOR, and terminals that have none.
    const colours = this.#out.hasColors()
    const text = lines.map((line) => paint(line, colours) + eraseRight).join('\r\n')
    this.#out.write(home + text + eraseBelow)
  }

  readonly #onKey = (data: Buffer): void => {
    const keys = data.toString()
    if (keys.includes('q') || keys.includes(ctrlC)) this.#events.onQuit()
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { command } from './run-command.js'

const home = '\u001b[H'
const eraseBelow = '\u001b[J'
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is about
const controls = /\u001b\[[\d;?]*[a-zA-Z]/g

/** `vantage-collector ARGS` on a terminal of its own; the test ends it. */
export function startOnTerminal(t: Test, args: string[], options: { env?: Record<string, string> } = {}): Terminal {
  // An environment of its own: much of the runner's has a say in colours (CI, FORCE_COLOR, NO_COLOR, TMUX, ...).
  const env = { PATH: process.env.PATH, TERM: 'xterm-256color', ...options.env }
  const child = spawn('python3', ['test/support/on-terminal.py', '24', '80', process.execPath, command, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return new Terminal(child)
}

/** What somebody sees who sits before it, and what they can do. */
export class Terminal {
  readonly #child: ChildProcess
  /** The exit code of the command; 99 when it leaves the terminal other than it found it. */
  readonly exit: Promise<number>
  output = ''

  constructor(child: ChildProcess) {
    this.#child = child
    this.exit = once(child, 'close').then(([code]) => code)
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.output += text
    })
  }

  /** The last whole page that was drawn, with its colours. */
  get painted(): string {
    const end = this.output.lastIndexOf(eraseBelow)
    const start = this.output.lastIndexOf(home, end)
    return end < 0 || start < 0 ? '' : this.output.slice(start + home.length, end)
  }

  /** The same as text. */
  get page(): string {
    return this.painted.replace(controls, '')
  }

  get lines(): string[] {
    return this.page.split(/\r+\n/)
  }

  type(keys: string): void {
    this.#order({ keys })
  }

  resize(rows: number, columns: number): void {
    this.#order({ size: [rows, columns] })
  }

  signal(signal: number): void {
    this.#order({ signal })
  }

  #order(order: object): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`)
  }
}

import { readSync, writeSync } from 'node:fs'

/** What is wrong with a finding. */
export class Wrong extends Error {}

/** A message of a target of libFuzzer, read from its start. */
export class Told {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  number(): number {
    const number = this.#bytes.readUInt32LE(this.#at)
    this.#at += 4
    return number
  }

  numbers(count: number): number[] {
    return Array.from({ length: count }, () => this.number())
  }

  bytes(length: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }
}

/** Judges batch after batch of standard input, as judged.h sends them, until it ends. */
export function judgeBatches(judge: (told: Told) => void): void {
  // Most bodies are wrong, and where each error comes from costs more than the rest.
  Error.stackTraceLimit = 1
  for (;;) {
    const head = readExactly(8)
    if (head === undefined) return
    const bytes = readExactly(head.readUInt32LE(0))
    if (bytes === undefined) return
    writeSync(1, `${verdictOn(new Told(bytes), head.readUInt32LE(4), judge)}\n`)
  }
}

function verdictOn(told: Told, messages: number, judge: (told: Told) => void): string {
  try {
    for (let n = 0; n < messages; n++) judge(told)
    return 'right'
  } catch (error) {
    const text = error instanceof Wrong ? error.message : String(error instanceof Error ? error.stack : error)
    return text.replaceAll('\n', ' ').slice(0, 4000)
  }
}

function readExactly(length: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; ) {
    const read = readSync(0, bytes, at, length - at, null)
    if (read === 0) return undefined
    at += read
  }
  return bytes
}

import { readFileSync } from 'node:fs'

/**
 * Files, sockets and pipes that a process may need beside its clients' connections: some 50 of Node, uWebSockets.js and
 * librdkafka, three for each broker and producer, of which there are up to five, and those of the journal and the pages. A
 * process that may open more is a large one, with more brokers.
 */
const leastReserve = 300
const reservedPart = 0.25
/** With fewer, the collector cannot serve. */
export const leastOpenFiles = 400

/**
 * Most files that this process, and each that it starts, may have open; Infinity where there is no limit or none to be read.
 * Node has raised the soft limit to the hard one at its start.
 */
export function openFilesLimit(): number {
  const [, soft] = /^Max open files +(\d+)/m.exec(limits()) ?? []
  return soft === undefined ? Infinity : Number(soft)
}

function limits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    // Without /proc.
    return ''
  }
}

/** Most client connections of a process that may open this many files. */
export function possibleConnections(openFiles: number): number {
  return Math.floor(openFiles - Math.max(leastReserve, reservedPart * openFiles))
}

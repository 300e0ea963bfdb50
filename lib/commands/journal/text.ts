import { shortBytes, shortSpan } from '../../view/units.js'
import type { Replayed } from './replay.js'
import type { JournalState } from './state.js'

/** A line of `journal list`, by column. */
export type Row = Readonly<Record<string, string | number | null>>

/** What is longer moves the rest of its line. */
const widths: Readonly<Record<string, number>> = {
  first_seen: 24,
  metrics: 7,
  bytes: 9,
  service: 20,
  process: 7,
  topic: 11,
  error_code: 17,
  reason: 22,
  key: 20,
}
const numeric = new Set(['metrics', 'bytes', 'process'])

export function headerOf(row: Row): string {
  return lineOf(Object.fromEntries(Object.keys(row).map((name) => [name, name.replace('_', ' ').toUpperCase()])))
}

export function lineOf(row: Row): string {
  const cells = Object.entries(row).map(([name, value]) => {
    const width = widths[name] ?? 0
    return numeric.has(name) ? String(value).padStart(width) : String(value).padEnd(width)
  })
  return cells.join('  ').trimEnd()
}

export function replayText({ metrics, refused, left, unreadable, elsewhere }: Replayed): string {
  const kept = refused === 0 ? '' : `${refused} refused and kept as dead letters, `
  const others = unreadable === 0 ? '' : `, and what ${unreadable} files or directories hold that cannot be read`
  const kinds = elsewhere === 0 ? '' : `, and ${elsewhere} dead letters for other topics`
  return `${metrics} metrics sent to Kafka, ${kept}${left} left${others}${kinds}\n`
}

/** What a replay leaves alone, since it belongs to a collector that sends it by itself. */
export function runningText({ logs }: JournalState): string {
  const running = logs.filter(({ running, metrics }) => running && metrics > 0)
  if (running.length === 0) return ''
  const metrics = running.reduce((sum, log) => sum + log.metrics, 0)
  const pids = running.map(({ pid }) => pid).join(', ')
  return `${metrics} metrics wait for a collector that runs (process ${pids}): it sends them itself when Kafka takes them\n`
}

export function statusText(state: JournalState): string {
  const { directory, metrics, batches, bytes, max_bytes, oldest_age_seconds, dead, logs } = state
  const share = `${shortBytes(bytes)} of ${shortBytes(max_bytes)}`
  const age = oldest_age_seconds === null ? '' : `, the oldest for ${shortSpan(oldest_age_seconds)}`
  const lines = logs.map(
    ({ pid, running, metrics, unreadable }) =>
      `  process ${pid} (${running ? 'running' : 'ended'}): ${metrics} metrics${unreadable === null ? '' : `, and what cannot be read: ${unreadable}`}`,
  )
  const waiting = `${directory}: ${metrics} metrics in ${batches} batches wait${age}; ${share}`
  return `${[waiting, ...lines, `${dead} dead letters`].join('\n')}\n`
}

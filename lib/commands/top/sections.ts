import type { Stats } from '../../telemetry/stats-schema.js'
import { type ShownCondition, showCondition } from '../../view/condition.js'
import type { Figures } from '../../view/figures.js'
import { readLedger } from '../../view/ledger.js'
import { shortBytes, shortMs, shortNumber, shortSpan } from '../../view/units.js'
import { beside, type Column, spread, tableHead, tableRow, wrap } from './arrange.js'
import { fit, type Line, type Piece, piece, type Tone } from './cells.js'

/** What there is to show: the last answer, and the rates between it and earlier ones. */
export type Seen = { stats: Stats; momentary: Figures | undefined; steady: Figures | undefined }

const tones: Record<ShownCondition['state'], Tone> = {
  operational: 'good',
  degraded: 'warn',
  unavailable: 'bad',
  draining: 'warn',
}

export function heading({ stats }: Seen, columns: number): Line {
  const { service, environment, version, uptime_seconds } = stats
  const { state, word } = showCondition(stats)
  const left = [piece(service, 'strong'), piece(`  ${environment}`), piece(`  version ${version}`, 'quiet')]
  const right = [piece(`up ${shortSpan(uptime_seconds)}  `, 'quiet'), piece(`● ${word}`, tones[state])]
  return spread(left, right, columns)
}

/** The most important news; empty when all is well. */
export function noticeOf({ stats }: Seen): Line {
  const { state, notice } = showCondition(stats)
  return [piece(notice, tones[state])]
}

const figureColumns = 3

/** Rates and quantiles, five rows of three. */
export function figures({ stats, momentary, steady }: Seen, columns: number): Line[] {
  const { ingestion, held, journal, workers } = stats
  const rate = (value: number | undefined) => (value === undefined ? '–' : `${shortNumber(value)}/s`)
  const alarm = (value: number | undefined, tone: Tone): Tone => ((value ?? 0) > 0 ? tone : 'strong')
  const rows: [name: string, value: string, tone: Tone][] = [
    ['Received', rate(momentary?.received), 'strong'],
    ['Accepted', rate(momentary?.accepted), 'strong'],
    ['To Kafka', momentary === undefined ? '–' : `${shortBytes(momentary.acknowledgedBytes)}/s`, 'strong'],
    ['Rejected', rate(momentary?.rejected), alarm(momentary?.rejected, 'warn')],
    ['Problems', rate(momentary?.problems), alarm(momentary?.problems, 'bad')],
    ['Deferred', rate(momentary?.deferred), alarm(momentary?.deferred, 'bad')],
    ['Answers p50', inMs(steady?.latency.p50), 'strong'],
    ['p99', inMs(steady?.latency.p99), 'strong'],
    ['Kafka p99', inMs(steady?.latency.acknowledgeP99), 'strong'],
    ['Held', `${shortBytes(held.bytes)} of ${shortBytes(held.limit_bytes)}`, 'strong'],
    ['Accepted in all', shortNumber(ingestion.metrics_accepted), 'strong'],
    ['Restarts', shortNumber(stats.worker_restarts), alarm(stats.worker_restarts, 'warn')],
    ...(workers.some((worker) => worker.journal !== undefined) ? journalFigures(journal) : noJournal),
  ]
  const width = Math.floor(columns / figureColumns)
  const cells = rows.map(([name, value, tone]) => fit([piece(`${name} `, 'quiet'), piece(value, tone)], width))
  return Array.from({ length: rows.length / figureColumns }, (_, row) =>
    cells.slice(row * figureColumns, (row + 1) * figureColumns).flat(),
  )
}

function inMs(seconds: number | undefined): string {
  return seconds === undefined ? '–' : `${shortMs(seconds)} ms`
}

const noJournal: [string, string, Tone][] = [
  ['Journal', 'there is none', 'quiet'],
  ['', '', 'plain'],
  ['', '', 'plain'],
]

function journalFigures(journal: Stats['journal']): [string, string, Tone][] {
  const waits = journal.metrics_waiting > 0
  return [
    ['Journal', waits ? `${shortNumber(journal.metrics_waiting)} wait` : 'nothing waits', waits ? 'warn' : 'strong'],
    ['Oldest', waits ? shortSpan(journal.oldest_age_seconds) : '–', 'strong'],
    ['On disk', shortBytes(journal.bytes), 'strong'],
  ]
}

/** Received = acknowledged + ..., and whether it balances. Places that hold nothing are left out. */
export function ledger({ stats }: Seen, columns: number): Line[] {
  const { inflows, places, difference } = readLedger(stats.ledger)
  const sum = (entries: typeof places, always: string) =>
    entries
      .filter(({ name, metrics }) => metrics !== 0 || name === always)
      .map(({ word, metrics }, n) => piece(`${n > 0 ? '+ ' : ''}${word} ${metrics.toLocaleString('en')}`))
  const verdict =
    difference === 0 ? piece('✓ Balanced', 'good') : piece(`Off by ${difference.toLocaleString('en')}`, 'bad')
  return wrap([...sum(inflows, 'received'), piece('='), ...sum(places, 'acknowledged'), verdict], columns)
}

const workerColumns: Column[] = [
  { title: 'WORKER', width: 10 },
  { title: 'METRICS/S', width: 9, numeric: true },
  { title: 'CPU', width: 6, numeric: true },
  { title: 'MEMORY', width: 9, numeric: true },
  { title: 'LAG', width: 9, numeric: true },
]

/** Least columns of the two tables; together they fit in 80. */
const workersWidth = 44
const brokersWidth = 36

function brokerColumns(columns: number): Column[] {
  return [
    { title: 'BROKER', width: columns - 17 },
    { title: 'STATE', width: 6 },
    { title: 'TRIP', width: 7, numeric: true },
    { title: 'ERR', width: 4, numeric: true },
  ]
}

/** Workers and brokers, at most this many of each. */
export function machines(seen: Seen, columns: number, most: number): Line[] {
  const workersColumns = Math.max(workersWidth, Math.round(columns / 2))
  const brokers = brokerColumns(Math.max(brokersWidth, columns - workersColumns))
  const left = [tableHead(workerColumns), ...workerRows(seen).slice(0, most)]
  const right = [tableHead(brokers), ...brokerRows(seen, brokers).slice(0, most)]
  return beside(left, right, workersColumns)
}

function workerRows({ stats, steady }: Seen): Line[] {
  return stats.workers.map(({ pid, slot, stale, resident_memory_bytes, event_loop_lag_seconds }) => {
    const { rate, cpu } = steady?.workers.get(pid) ?? {}
    return tableRow(workerColumns, [
      piece(stale ? `${slot} late` : `${slot} ${pid}`, stale ? 'warn' : 'plain'),
      piece(rate === undefined ? '–' : shortNumber(rate)),
      piece(cpu === undefined ? '–' : `${Math.round(100 * cpu)} %`),
      piece(shortBytes(resident_memory_bytes)),
      piece(inMs(event_loop_lag_seconds)),
    ])
  })
}

function brokerRows({ stats }: Seen, columns: Column[]): Line[] {
  const rows = stats.kafka.brokers.map(({ name, up, rtt_seconds, errors }) =>
    tableRow(columns, [
      piece(name),
      up ? piece('up', 'good') : piece('down', 'bad'),
      piece(inMs(rtt_seconds === 0 ? undefined : rtt_seconds)),
      piece(shortNumber(errors)),
    ]),
  )
  return rows.length > 0 ? rows : [[piece('No broker has been found yet', 'quiet')]]
}

const servicesShare = 0.4

const problemColumns: Column[] = [{ title: 'PROBLEM', width: 9 }, { title: '', width: 4 }, { title: 'BECAUSE' }]

/** The busiest services and the recent problems, at most this many of each. */
export function senders({ stats, steady }: Seen, columns: number, most: number): Line[] {
  const servicesColumns = Math.round(columns * servicesShare)
  const serviceColumns = [
    { title: 'SERVICE', width: servicesColumns - 12 },
    { title: 'METRICS/S', width: 10, numeric: true },
  ]
  const busy = (steady?.services ?? []).filter(({ rate }) => rate > 0)
  const services = busy.map(({ service, rate }) => tableRow(serviceColumns, [piece(service), piece(shortNumber(rate))]))
  const problems = stats.recent_problems.map((problem) => tableRow(problemColumns, problemCells(problem)))
  const none = (text: string): Line[] => [[piece(text, 'quiet')]]
  const left = [tableHead(serviceColumns), ...(services.length > 0 ? services : none('Nothing is coming in'))]
  const right = [tableHead(problemColumns), ...(problems.length > 0 ? problems : none('No problem so far'))]
  return beside(left.slice(0, most + 1), right.slice(0, most + 1), servicesColumns)
}

function problemCells({ at, status, code, reason, rejections }: Stats['recent_problems'][number]): Piece[] {
  const reasons = Object.entries(rejections).map(([name, count]) => `${name} × ${count.toLocaleString('en')}`)
  const because = code === null ? `in part: ${reasons.join(', ')}` : [reason, ...reasons].join('; ')
  return [
    piece(new Date(at).toLocaleTimeString('en-GB')),
    piece(String(status), status >= 500 ? 'bad' : 'warn'),
    piece(because),
  ]
}

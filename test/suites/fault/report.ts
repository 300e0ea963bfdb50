import type { FaultEvent } from './conductor.js'
import type { RunResult, Skipped } from './run.js'
import type { Sample } from './sampler.js'

/** Lines that a run prints, from its start to its summary. */

export function skippedLine({ fault, reason }: Skipped): string {
  return `left out: ${fault}, because ${reason}`
}

export function progressLine(sample: Sample, current: FaultEvent | undefined): string {
  const { atS, kafka, journal, unavailable, lost, read, collector } = sample
  const state = collector
    ? `journal ${count(collector.journalMetrics)} metrics, ${collector.journalMiB.toFixed(1)} MiB  workers ${count(collector.workersMiB)} MiB`
    : 'no figures'
  return [
    `${seconds(atS)}  202 kafka ${count(kafka)}/s  journal ${count(journal)}/s  503 ${count(unavailable)}/s`,
    `lost ${count(lost)}/s  read ${count(read)}/s  ${state}  ${current ? nameOf(current) : ''}`.trimEnd(),
  ].join('  ')
}

export function eventLine(event: FaultEvent): string {
  const { fromS, liftedS = fromS, healedS, unavailable, lost, problem } = event
  const healed =
    healedS === undefined ? 'not healed when the agents stopped' : `healed ${(healedS - liftedS).toFixed(1)} s later`
  const end = problem ?? healed
  const held = `${(liftedS - fromS).toFixed(1)} s`
  return `${seconds(fromS)}  ${nameOf(event)} for ${held}: ${unavailable} answers 503, ${lost} connections lost, ${end}`
}

/** The summary: a table of the faults, then the comparison. */
export function summary(result: RunResult): string {
  const { comparison, agents, events, unexplained, failures } = result
  const { answered202, byDurability, missing, duplicates, withoutAnswer } = comparison
  const total = Object.values(duplicates).reduce((sum, copies) => sum + copies, 0)
  const causes = Object.entries(duplicates).filter(([, copies]) => copies > 0)
  const durations = `kafka ${count(byDurability.kafka)}, journal ${count(byDurability.journal)}`
  const lines = [
    ...faultTable(events),
    '',
    `metrics answered 202     ${count(answered202)} (${durations})`,
    `missing from the topic   ${count(missing)}`,
    ...comparison.firstMissing.map(missingLine),
    ...(missing > 0 ? [`  still missing when the topic is read again: ${count(result.missingAgain ?? 0)}`] : []),
    ...result.gaps.map(
      ({ partition, expected, offset }) => `  partition ${partition} goes on at offset ${offset}, not ${expected}`,
    ),
    `duplicates               ${count(total)}`,
    ...causes.map(([cause, copies]) => `  ${count(copies)} ${cause}`),
    `not answered 202 yet there  ${count(withoutAnswer)}`,
    `altered, foreign         ${count(result.altered)}, ${count(comparison.foreign)}`,
    `rejected                 ${count(agents.rejected)}`,
    `answers 503              ${count(agents.unavailable)}`,
    `connections lost         ${count(agents.lost)}`,
    `explained by no fault    ${count(unexplained.count)}`,
    ...unexplained.first
      .slice(0, 10)
      .map(({ atS, status, code }) => `  at ${seconds(atS)}: ${status ?? 'connection'} ${code}`),
    `balance of /v1/stats     ${result.balance}`,
    `collector started        ${result.collectorStarts} times; ${result.producersReplaced} producers replaced`,
    '',
    ...failures.map((failure) => `FAILED: ${failure}`),
    `${failures.length === 0 ? 'passed' : 'failed'}: seed ${result.seed}, ${count(missing)} of ${count(answered202)} missing`,
  ]
  return lines.join('\n')
}

function missingLine({ id, batch }: RunResult['comparison']['firstMissing'][number]): string {
  const { first, count: size, durability, sentAtMs, answeredAtMs, seenAtMs, resends } = batch
  const later = (ms: number) => (ms === 0 ? 'never' : `after ${((ms - sentAtMs) / 1000).toFixed(3)} s`)
  const times = `answered ${later(answeredAtMs)}, seen ${later(seenAtMs)}, sent again: ${resends.join(', ') || 'no'}`
  return `  ${id} of the ${size} from ${first}, durability ${durability}, sent at ${(sentAtMs / 1000).toFixed(3)} s, ${times}`
}

function faultTable(events: readonly FaultEvent[]): string[] {
  const head = ['fault', 'times', 'held s', '503', 'lost', 'healed after s, median', 'longest']
  const byName = new Map<string, FaultEvent[]>()
  for (const event of events) byName.set(nameOf(event), [...(byName.get(nameOf(event)) ?? []), event])
  const rows = [...byName.entries()].sort().map(([name, group]) => {
    const heals = group.map(({ liftedS = 0, healedS = Number.POSITIVE_INFINITY }) => healedS - liftedS)
    heals.sort((a, b) => a - b)
    const shown = (healS = 0) => (Number.isFinite(healS) ? healS.toFixed(1) : 'not in time')
    const heldS = sum(group, ({ fromS, liftedS }) => (liftedS ?? fromS) - fromS)
    return [
      name,
      count(group.length),
      heldS.toFixed(0),
      count(sum(group, ({ unavailable }) => unavailable)),
      count(sum(group, ({ lost }) => lost)),
      shown(heals[heals.length >> 1]),
      shown(heals.at(-1)),
    ]
  })
  return align([head, ...rows])
}

function align(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join('  '),
  )
}

/** The fault's name, with that of the one that struck amid. */
export function nameOf({ fault, amid }: FaultEvent): string {
  return amid === undefined ? fault : `${fault} + ${amid}`
}

function sum<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((total, item) => total + amount(item), 0)
}

function count(amount: number): string {
  return Math.round(amount).toLocaleString('en')
}

function seconds(atS: number): string {
  return `${atS.toFixed(1).padStart(6)} s`
}

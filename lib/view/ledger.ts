import type { Stats } from '../telemetry/stats-schema.js'

/** Where metrics come in; every other member of the ledger is a place that holds them. */
const inflows: ReadonlySet<string> = new Set(['received', 'adopted'])

export type LedgerEntry = { name: string; word: string; metrics: number }

/** The ledger as it is shown: what came in, where it is, and by how much the two differ. */
export function readLedger({ difference, ...figures }: Stats['ledger']) {
  const entries = Object.entries(figures).map(([name, metrics]) => ({ name, word: wordFor(name), metrics }))
  return {
    inflows: entries.filter(({ name }) => inflows.has(name)),
    places: entries.filter(({ name }) => !inflows.has(name)),
    difference,
  }
}

function wordFor(name: string): string {
  const spaced = name.replaceAll('_', ' ')
  return spaced.charAt(0).toUpperCase() + spaced.slice(1)
}

import type { Stats } from '../telemetry/stats-schema.js'

/** Where metrics come in; every other member of the balance is a place where they are. */
const inflows: ReadonlySet<string> = new Set(['received', 'adopted'])
const words: Record<string, string> = {
  unavailable: 'Sent back',
  dead_lettered: 'Dead-lettered',
}

export type BookEntry = { name: string; word: string; metrics: number }

/** The books as they are shown: what came in, where it is, and by how much the two differ. */
export function readBooks({ difference = 0, ...figures }: Stats['balance']) {
  const entries = Object.entries(figures).map(([name, metrics]) => ({ name, word: wordFor(name), metrics }))
  return {
    inflows: entries.filter(({ name }) => inflows.has(name)),
    places: entries.filter(({ name }) => !inflows.has(name)),
    difference,
  }
}

function wordFor(name: string): string {
  const spaced = name.replaceAll('_', ' ')
  return words[name] ?? spaced.charAt(0).toUpperCase() + spaced.slice(1)
}

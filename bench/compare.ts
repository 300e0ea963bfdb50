// What changed between two results, beyond noise?

import { readFile } from 'node:fs/promises'
import type { BenchResult } from './results.js'
import { median, rankProbability, ratioInterval } from './statistics.js'
import type { Figure } from './subject.js'

/** Changes that are smaller are of no interest, even where they are certain. */
const smallestChange = 0.03
/** Of a comparison of many figures, hardly any may be wrong by chance. */
const confidence = 0.99
const maxProbability = 0.01
/** With fewer runs no difference can be told from chance at that probability. */
const minSamples = 5

export type Change = {
  name: string
  verdict: 'faster' | 'slower' | 'same' | 'too few runs'
  /** Of after to before, with its interval of confidence. */
  ratio: number
  low: number
  high: number
}

/**
 * Tells of each figure in both results whether it changed. It did only where ranks and a bootstrap agree that it did,
 * and by more than is of no interest.
 */
export function compare(before: readonly Figure[], after: readonly Figure[]): Change[] {
  const others = new Map(after.map((figure) => [figure.name, figure]))
  return before.flatMap((figure) => {
    const other = others.get(figure.name)
    return other === undefined ? [] : [changeOf(figure, other)]
  })
}

function changeOf(a: Figure, b: Figure): Change {
  const both = a.yardstick !== undefined && b.yardstick !== undefined
  const [before, after] = both ? [inYardsticks(a), inYardsticks(b)] : [a, b]
  const { low, high } = ratioInterval(before.samples, after.samples, confidence)
  const ratio = median(after.samples) / median(before.samples)
  return { name: a.name, verdict: judge(before, after, low, high), ratio, low, high }
}

/** The samples in multiples of what fixed work cost beside them: how fast the machine was is no longer in them. */
function inYardsticks(figure: Figure): Figure {
  const inYardstick = (sample: number, yardstick = NaN) =>
    figure.better === 'higher' ? sample * yardstick : sample / yardstick
  return { ...figure, samples: figure.samples.map((sample, n) => inYardstick(sample, figure.yardstick?.[n])) }
}

function judge(a: Figure, b: Figure, low: number, high: number): Change['verdict'] {
  if (Math.min(a.samples.length, b.samples.length) < minSamples) return 'too few runs'
  const apart = low > 1 + smallestChange || high < 1 - smallestChange
  if (!apart || rankProbability(a.samples, b.samples) > maxProbability) return 'same'
  return low > 1 === (a.better === 'higher') ? 'faster' : 'slower'
}

/** Prints a line for each figure of two result files; gives whether anything got slower. */
export async function compareFiles(before: string, after: string, print: (line: string) => void): Promise<boolean> {
  const changes = compare(await figuresIn(before), await figuresIn(after))
  for (const { name, verdict, ratio, low, high } of changes) {
    const percent = (value: number) => `${value >= 1 ? '+' : ''}${(100 * (value - 1)).toFixed(1)} %`
    print(`${verdict.padEnd(12)} ${percent(ratio).padStart(8)} (${percent(low)} to ${percent(high)})  ${name}`)
  }
  const changed = changes.filter(({ verdict }) => verdict === 'faster' || verdict === 'slower')
  print(`${changes.length} figures compared, ${changed.length === 0 ? 'none' : changed.length} changed`)
  return changed.some(({ verdict }) => verdict === 'slower')
}

async function figuresIn(path: string): Promise<Figure[]> {
  const result: BenchResult = JSON.parse(await readFile(path, 'utf8'))
  return Object.entries(result.subjects).flatMap(([subject, { figures }]) =>
    figures.map((figure) => ({ ...figure, name: `${subject}: ${figure.name}` })),
  )
}

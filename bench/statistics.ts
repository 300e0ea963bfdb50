import { createRandom } from '../lib/load/random.js'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

const rounds = 2000

export type Interval = { low: number; high: number }

/**
 * Where the ratio of the medians of b and a lies, with the given confidence, by a bootstrap: both are drawn from anew,
 * with replacement, again and again. It widens with the spread of the samples, and with how few they are.
 */
export function ratioInterval(a: readonly number[], b: readonly number[], confidence: number): Interval {
  const random = createRandom(1)
  const draw = (values: readonly number[]) => values.map(() => values[Math.floor(random() * values.length)] ?? NaN)
  const ratios = Array.from({ length: rounds }, () => median(draw(b)) / median(draw(a))).sort((x, y) => x - y)
  const tail = (1 - confidence) / 2
  return { low: ratios[Math.floor(tail * rounds)] ?? NaN, high: ratios[Math.ceil((1 - tail) * rounds) - 1] ?? NaN }
}

/**
 * Probability that ranks of two samples from the same distribution lie at least that far apart (Mann-Whitney U test,
 * two-sided, exact by counting all ways to deal the ranks; ties get mean ranks and make it an approximation).
 */
export function rankProbability(a: readonly number[], b: readonly number[]): number {
  const u = a.reduce((sum, x) => sum + b.reduce((wins, y) => wins + (x > y ? 1 : x === y ? 0.5 : 0), 0), 0)
  const extreme = Math.min(u, a.length * b.length - u)
  const ways = waysByU(a.length, b.length)
  const all = ways.reduce((sum, count) => sum + count, 0)
  const below = ways.slice(0, Math.floor(extreme) + 1).reduce((sum, count) => sum + count, 0)
  return Math.min(1, (2 * below) / all)
}

/** In how many ways m and n values can be ordered so that U is its index: coefficients of the Gaussian binomial. */
function waysByU(m: number, n: number): number[] {
  let ways = [1]
  for (let i = 1; i <= m; i++) ways = divided(multiplied(ways, n + i), i)
  return ways.slice(0, m * n + 1)
}

/** A polynomial times (1 - q^k). */
function multiplied(polynomial: readonly number[], k: number): number[] {
  return Array.from({ length: polynomial.length + k }, (_, i) => (polynomial[i] ?? 0) - (polynomial[i - k] ?? 0))
}

/** A polynomial divided by (1 - q^k), which divides it without rest. */
function divided(polynomial: readonly number[], k: number): number[] {
  const quotient: number[] = []
  for (const [i, coefficient] of polynomial.entries()) quotient.push(coefficient + (quotient[i - k] ?? 0))
  return quotient
}

import { test } from 'tap'
import { compare } from '../../../bench/compare.js'
import { median, rankProbability, ratioInterval } from '../../../bench/statistics.js'
import type { Figure } from '../../../bench/subject.js'
import { createRandom } from '../../../lib/load/random.js'

const random = createRandom(42)

/** Samples around a centre, as uneven as those of a shared machine: some 4 % to both sides, now and then much more. */
function noisy(centre: number, count: number): number[] {
  return Array.from({ length: count }, () => {
    const noise = (random() + random() + random() - 1.5) * 0.05
    return centre * (1 + noise + (random() < 0.1 ? 0.15 * random() : 0))
  })
}

function figure(centre: number, count: number, better: Figure['better'] = 'lower'): Figure {
  return { name: 'a figure', unit: 'µs', better, samples: noisy(centre, count) }
}

function verdicts(times: number, make: () => [Figure, Figure]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let n = 0; n < times; n++) {
    const [before, after] = make()
    for (const { verdict } of compare([before], [after])) counts[verdict] = (counts[verdict] ?? 0) + 1
  }
  return counts
}

test('two runs of the same are found to be the same', async (t) => {
  t.same(
    verdicts(60, () => [figure(100, 15), figure(100, 15)]),
    { same: 60 },
  )
})

test('a tenth is found, and in which direction', async (t) => {
  const slower = verdicts(60, () => [figure(100, 15), figure(110, 15)])
  t.ok((slower.slower ?? 0) >= 55, JSON.stringify(slower))
  t.equal(slower.faster, undefined)
  const faster = verdicts(60, () => [figure(100, 15, 'higher'), figure(110, 15, 'higher')])
  t.ok((faster.faster ?? 0) >= 55, JSON.stringify(faster))
})

test('a machine that is slower by a third than it was is not taken for a change, where fixed work shows it', async (t) => {
  const onMachine = (better: Figure['better'], slowness: number): Figure => ({
    ...figure(better === 'lower' ? 100 * slowness : 100 / slowness, 15, better),
    yardstick: noisy(20 * slowness, 15),
  })
  for (const better of ['lower', 'higher'] as const)
    t.same(
      verdicts(60, () => [onMachine(better, 1), onMachine(better, 1.33)]),
      { same: 60 },
    )
})

test('from a few runs nothing is concluded', async (t) => {
  t.same(
    verdicts(1, () => [figure(100, 3), figure(200, 3)]),
    { 'too few runs': 1 },
  )
})

test('figures that only one result has are left out', async (t) => {
  t.same(compare([figure(1, 5)], [{ ...figure(1, 5), name: 'another' }]), [])
})

test('the statistics are those of the textbooks', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
  // Mann and Whitney 1947, table I: for 5 and 5 values the probability of U = 0 is 0.004, of U <= 4 0.048, one-sided.
  t.equal(rankProbability([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]).toFixed(3), (2 / 252).toFixed(3))
  t.equal(rankProbability([1, 2, 3, 4, 9], [5, 6, 7, 8, 10]).toFixed(2), '0.10')
  t.equal(rankProbability([1, 3], [2, 4]), 2 / 3)
  const { low, high } = ratioInterval([1, 1, 1], [2, 2, 2], 0.99)
  t.same([low, high], [2, 2])
})

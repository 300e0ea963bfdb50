import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { countCpus } from '../../lib/primary/cpu-count.js'

const quotas: [quota: string, expected: number][] = [
  ['max 100000', availableParallelism()],
  ['50000 100000', 1],
  ['100000 100000', 1],
  ['150000 100000', Math.min(2, availableParallelism())],
  ['10000000 100000', availableParallelism()],
]

for (const [quota, expected] of quotas) {
  test(`a container with the quota ${quota} gets no more workers than it has CPUs`, async (t) => {
    const file = join(t.testdir(), 'cpu.max')
    writeFileSync(file, `${quota}\n`)
    t.equal(countCpus(file), expected)
  })
}

test('without a quota the CPUs of the machine count', async (t) => {
  t.equal(countCpus('/nowhere/cpu.max'), availableParallelism())
  t.ok(countCpus() >= 1)
})

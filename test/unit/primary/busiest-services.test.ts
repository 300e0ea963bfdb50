import { test } from 'tap'
import { BusiestServices } from '../../../lib/primary/busiest-services.js'

const totalOf = (counts: readonly [string, number][]) => counts.reduce((sum, [, metrics]) => sum + metrics, 0)

test('of a million services at most 51 counts are kept, and each metric is in one of them', async (t) => {
  const services = new BusiestServices()
  for (let n = 0; n < 1_000_000; n++) services.add([[`service-${n}`, 1]])
  t.equal(services.counts.length, 51)
  t.equal(services.counts.at(-1)?.[0], 'other')
  t.equal(totalOf(services.counts), 1_000_000)
})

test('a busy service takes the place of the quietest one, and is counted from then on', async (t) => {
  const services = new BusiestServices(-1)
  services.add([...Array.from({ length: 50 }, (_, n) => [`early-${n}`, 10] as const), ['late', 1]])
  t.notOk(
    services.counts.some(([name]) => name === 'late'),
    'as quiet as the others, it has no place',
  )
  services.add([
    ['early-0', 3],
    ['late', 1000],
  ])
  services.add([['late', 7]])
  t.same(
    services.counts.find(([name]) => name === 'late'),
    ['late', 7],
  )
  t.ok(
    services.counts.some(([name]) => name === 'early-0'),
    'whoever is not the quietest stays',
  )
  t.equal(services.counts.length, 51)
})

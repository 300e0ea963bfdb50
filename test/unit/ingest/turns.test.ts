import { test } from 'tap'
import { Turns } from '../../../lib/ingest/turns.js'

test('so much work runs at a time, and waiting clients take turns', async (t) => {
  const turns = new Turns(2)
  const order: string[] = []
  let running = 0
  let most = 0
  const work = (client: string) =>
    turns.run(client, async () => {
      running++
      most = Math.max(most, running)
      await new Promise(setImmediate)
      order.push(client)
      running--
    })
  await Promise.all([...Array(8).fill('greedy'), 'honest', 'honest'].map(work))
  t.equal(most, 2)
  t.same(order.slice(0, 6), ['greedy', 'greedy', 'greedy', 'honest', 'greedy', 'honest'])
  t.equal(order.length, 10)
})

test('work that fails makes room for the next', async (t) => {
  const turns = new Turns(1)
  const fail = () => turns.run('a', () => Promise.reject(new Error('broken')))
  await t.rejects(Promise.all([fail(), fail()]), { message: 'broken' })
  t.equal(await turns.run('a', async () => 'next'), 'next')
})

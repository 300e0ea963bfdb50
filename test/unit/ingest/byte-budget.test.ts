import { test } from 'tap'
import { ByteBudget } from '../../../lib/ingest/byte-budget.js'

const overloaded = { code: 'VANTAGE_OVERLOADED' }

function createBudget() {
  const gauges = { requestHeldBytes: 0 }
  return { gauges, budget: new ByteBudget(1000, gauges) }
}

test('what a request holds counts until it is answered', async (t) => {
  const { gauges, budget } = createBudget()
  const hold = budget.open('a')
  hold.growTo(300)
  hold.growTo(400)
  t.equal(gauges.requestHeldBytes, 400)
  t.throws(() => budget.open('b').assertRoom(601), overloaded)
  budget.open('b').assertRoom(600)
  hold.change(350)
  budget.open('b').assertRoom(650)
  hold.change(0)
  t.same(gauges, { requestHeldBytes: 0 })
})

test('a greedy client leaves room for others, however many are greedy', async (t) => {
  const { gauges, budget } = createBudget()
  const fill = (client: string) => {
    let bytes = 0
    t.throws(() => {
      for (;;) {
        budget.open(client).growTo(10)
        bytes += 10
      }
    }, overloaded)
    return bytes
  }
  t.equal(fill('greedy'), 800)
  t.ok(fill('second') >= 150)
  budget.open('honest').growTo(10)
  t.ok(gauges.requestHeldBytes < 1000)
})

test('a request that is alone may hold whatever the limit of a body allows', async (t) => {
  const { budget } = createBudget()
  const hold = budget.open('a')
  hold.growTo(5000)
  t.throws(() => budget.open('b').growTo(1), overloaded)
  hold.growTo(6000)
})

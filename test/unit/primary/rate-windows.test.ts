import { test } from 'tap'
import { RateWindows } from '../../../lib/primary/rate-windows.js'

const ask = (client: string, metrics = 0) => ({ client, requests: 1, metrics })

test('a client may send what the limits say in each window, and what is refused costs nothing', async (t) => {
  const windows = new RateWindows({ requests: 3, metrics: 100, windowMs: 1000 })
  t.same(windows.take(ask('a', 60), 0), { allowed: true, requestsLeft: 2, metricsLeft: 40, endsInMs: 1000 })
  t.same(windows.take(ask('a', 60), 400), { allowed: false, requestsLeft: 2, metricsLeft: 40, endsInMs: 600 })
  t.match(windows.take(ask('a', 40), 999), { allowed: true, requestsLeft: 1, metricsLeft: 0 })
  t.match(windows.take(ask('b', 100), 999), { allowed: true })
  t.match(windows.take(ask('a', 100), 1000), { allowed: true, requestsLeft: 2, metricsLeft: 0, endsInMs: 1000 })
})

test('a limit of 0 is none', async (t) => {
  const windows = new RateWindows({ requests: 0, metrics: 10, windowMs: 1000 })
  for (let n = 0; n < 10_000; n++) windows.take(ask('a'), 0)
  t.match(windows.take(ask('a', 10), 0), { allowed: true, metricsLeft: 0 })
})

test('a million addresses neither grow the process nor push a count out of it', async (t) => {
  const windows = new RateWindows({ requests: 2, metrics: 0, windowMs: 60_000 })
  windows.take(ask('honest'), 0)
  windows.take(ask('greedy'), 0)
  windows.take(ask('greedy'), 0)
  let allowed = 0
  for (let n = 0; n < 1_000_000; n++) if (windows.take(ask(`address:${n}`), 1).allowed) allowed++
  t.equal(windows.clients, 100_000)
  t.equal(allowed, 99_998 + 2, 'those without a window of their own share one')
  t.match(windows.take(ask('greedy'), 2), { allowed: false })
  t.match(windows.take(ask('honest'), 2), { allowed: true })
  windows.take(ask('later'), 60_001)
  t.equal(windows.clients, 1, 'windows that ended are forgotten')
})

import { test } from 'tap'
import { createRandom } from '../../../lib/load/random.js'
import { batchOf } from '../../../tools/batches.js'
import { type Reply, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'

const limited = { VANTAGE_RATE_LIMIT_ENABLED: 'true', VANTAGE_TRUSTED_PROXIES: '127.0.0.1' }
const from = (address: string) => ({ 'X-Forwarded-For': address })

/** Runs `post` so often, `connections` at a time. */
async function inParallel(connections: number, times: number, post: () => Promise<Reply>): Promise<Reply[]> {
  const replies: Reply[] = []
  const agents = Array.from({ length: connections }, async () => {
    for (let n = 0; n < times / connections; n++) replies.push(await post())
  })
  await Promise.all(agents)
  return replies
}

test('limits are exact over four workers, for each client by itself', async (t) => {
  const env = { ...limited, VANTAGE_API_WORKERS: '4', VANTAGE_RATE_LIMIT_REQUESTS: '600' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const replies = await inParallel(32, 960, () => collector.post(batchOf(1), from('192.0.2.1')))
  t.equal(replies.filter(({ status }) => status === 202).length, 600)
  t.equal(replies.filter(({ status }) => status === 429).length, 360)
  const workers = (await collector.stats()).workers.filter(({ metrics_received }) => metrics_received > 0)
  t.equal(workers.length, 4, 'each worker had a part')

  const [refused] = replies.filter(({ status }) => status === 429)
  t.match(refused?.body, { code: 'VANTAGE_RATE_LIMITED', detail: 'More than 600 requests within 60 s' })
  const { headers } = refused as Reply
  t.ok(Number(headers.get('retry-after')) >= 1 && Number(headers.get('retry-after')) <= 60)
  t.equal(headers.get('x-ratelimit-limit'), '600')
  t.equal(headers.get('x-ratelimit-remaining'), '0')
  const resetsInSeconds = Number(headers.get('x-ratelimit-reset')) - Date.now() / 1000
  t.ok(resetsInSeconds > 0 && resetsInSeconds <= 61, `resets in ${resetsInSeconds} s`)

  const other = await collector.post(batchOf(1), from('192.0.2.2'))
  t.equal(other.status, 202)
  t.equal(other.headers.get('x-ratelimit-remaining'), '599')
  const uncounted = [await collector.get('/v1/stats'), await collector.post('', { 'Content-Type': 'text/plain' })]
  t.same(
    uncounted.map(({ headers }) => headers.get('x-ratelimit-limit')),
    [null, null],
  )
  t.equal((await collector.stats()).ledger.difference, 0)
})

test('metrics are limited, too, within 1 %', async (t) => {
  const env = { ...limited, VANTAGE_API_WORKERS: '4', VANTAGE_RATE_LIMIT_METRICS: '10000' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const random = createRandom(1)
  const replies = await inParallel(16, 640, () => collector.post(batchOf(1 + Math.floor(random() * 60))))
  const accepted = replies.reduce((sum, { body }) => sum + Number(body.metrics_accepted ?? 0), 0)
  t.ok(accepted > 9900 && accepted <= 10_000, `${accepted} of 10,000 metrics accepted`)
  const refused = replies.find(({ status }) => status === 429)
  t.match(refused?.body.detail, 'More than 10000 metrics within 60 s')
  t.equal(refused?.headers.get('x-ratelimit-limit'), '10000')
})

test('a window that ended lets the client send again', async (t) => {
  const env = { ...limited, VANTAGE_RATE_LIMIT_REQUESTS: '1', VANTAGE_RATE_LIMIT_WINDOW: '1' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const answered = (status: number) => async () => (await collector.post(batchOf(1))).status === status
  t.ok(await answered(202)())
  await waitFor(answered(429), 'the end of what a window allows')
  await waitFor(answered(202), 'the next window')
})

test('what is not a good batch counts as a request, too', async (t) => {
  const env = { ...limited, VANTAGE_RATE_LIMIT_REQUESTS: '3' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const statuses: number[] = []
  for (let n = 0; n < 5; n++) statuses.push((await collector.post('{')).status)
  t.same(statuses, [400, 400, 400, 429, 429])
})

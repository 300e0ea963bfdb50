import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import { Collector, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Load } from '../../support/load.js'
import { LoadBalancer } from '../../support/load-balancer.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { nothingIsMissing } from '../../support/read-topic.js'

const collectors = 3
/** The chart's preStop: as long as a proxy may take to hear that a pod goes. Its requests are answered all the while. */
const preStopMs = 200

test('collectors are replaced one at a time under load, and no request fails', async (t) => {
  const kafka = await startMockKafka(t)
  const start = () => startCollector(t, { kafka, env: { VANTAGE_API_WORKERS: '1', VANTAGE_JOURNAL_DIR: '' } })
  const balancer = await LoadBalancer.start()
  t.teardown(() => balancer.stop())
  const admit = async ({ url }: Collector) => {
    balancer.add(url)
    await waitFor(() => balancer.isReady(url), 'the balancer to see that it is ready')
  }
  const fleet = [await start(), await start(), await start()]
  for (const collector of fleet) await admit(collector)

  const front = new Collector({ args: ['--version'] })
  front.url = balancer.url
  const load = new Load(front, { connections: 8, batchSize: 10, pauseMs: 5 })
  for (let n = 0; n < collectors; n++) {
    const old = fleet.shift()
    if (old === undefined) break
    // A StatefulSet's order: the old one goes, then the new one comes.
    balancer.remove(old.url)
    await pause(preStopMs)
    t.equal((await old.stop('SIGTERM')).code, 0, 'it drains and ends well')
    const successor = await start()
    await admit(successor)
    fleet.push(successor)
    const { size } = load.accepted
    await waitFor(() => load.accepted.size > size + 100, 'traffic to go on')
  }
  await load.stop()

  t.same(load.statuses, [], 'nothing but 202')
  await nothingIsMissing(t, kafka, load.accepted)
})

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, type Reply, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { createTopic } from '../../../tools/kafka-admin.js'
import { waitFor } from '../../../tools/wait-for.js'
import { agreedCondition } from '../../support/agreed-condition.js'
import { makeDirectory } from '../../support/directory.js'
import { KafkaCluster } from '../../support/kafka-cluster.js'
import { nothingIsMissing } from '../../support/read-topic.js'

const partitions = 6
const services = Array.from({ length: 24 }, (_, n) => `service-${n}`)

/** Two brokers, each with half of the partitions to itself. */
async function startHalves(t: Test): Promise<KafkaCluster> {
  const ports = [await freePort(), await freePort()]
  const kafka = await KafkaCluster.start(ports.map((port) => ({ port, advertisedPort: port })))
  t.teardown(() => kafka.remove())
  await createTopic(kafka.directBootstrap, { topic: 'metrics-raw', partitions, replicas: 1 })
  return kafka
}

/** Posts of all services at a time; each metric has a number of its own. */
class Services {
  readonly #collector: Collector
  readonly promised: number[] = []
  readonly #journaled = new Map<string, number>()
  #next = 0

  constructor(collector: Collector, next = 0) {
    this.#collector = collector
    this.#next = next
  }

  async post(): Promise<Map<string, Reply>> {
    const replies = new Map<string, Reply>()
    const posts = services.map(async (service) => {
      const first = this.#next++
      const reply = await this.#collector.post(batchOf(1, { service, first }))
      if (reply.status === 202) this.promised.push(first)
      if (reply.body.durability === 'journal') this.#journaled.set(service, this.journaledOf([service]) + 1)
      replies.set(service, reply)
    })
    await Promise.all(posts)
    return replies
  }

  journaledOf(some: readonly string[]): number {
    return some.reduce((sum, service) => sum + (this.#journaled.get(service) ?? 0), 0)
  }
}

function servicesWith(replies: Map<string, Reply>, durability: string): string[] {
  return services.filter((service) => replies.get(service)?.body.durability === durability)
}

const someAway = /^[1-5] of 6 partitions of metrics-raw take no records \(no leader: /

async function saysSomeAway(collector: Collector): Promise<boolean> {
  const { status, body } = await collector.get('/health')
  const { kafka } = body.checks as { kafka: { status: string; message: string } }
  return status === 200 && body.status === 'degraded' && kafka.status === 'degraded' && someAway.test(kafka.message)
}

async function agreesThatSomeAreAway(t: Test, collector: Collector, fate: 'kept' | 'deferred'): Promise<void> {
  const reason = new RegExp(`^Batches of some services are ${fate}: [1-5] of 6 partitions`)
  t.match(await agreedCondition(t, collector), { state: 'degraded', reason })
}

/** Long enough for brokers that share two cores with all else. */
const env = { VANTAGE_ACK_TIMEOUT_MS: '5000', VANTAGE_API_WORKERS: '1' }

test('while a broker is away, services whose partitions have a leader go on to Kafka, the others to the journal', async (t) => {
  const kafka = await startHalves(t)
  const [first, second] = kafka.brokers
  const settings = { ...env, VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: kafka.directBootstrap, env: settings })
  const agents = new Services(collector)
  await waitFor(async () => servicesWith(await agents.post(), 'kafka').length === services.length, 'all to be taken')

  await second?.kill()
  await agents.post()
  await waitFor(() => saysSomeAway(collector), 'some partitions to be away')
  const replies = await waitFor(async () => {
    const posted = await agents.post()
    return servicesWith(posted, 'kafka').length > 0 && posted
  }, 'some services to go on')
  const [present, absent] = [servicesWith(replies, 'kafka'), servicesWith(replies, 'journal')]
  await agreesThatSomeAreAway(t, collector, 'kept')
  t.ok(absent.length > 0 && present.length + absent.length === services.length, `${present.length} go on`)
  for (let n = 0; n < 5; n++) t.same(servicesWith(await agents.post(), 'kafka'), present, 'and so they do from then on')
  t.equal((await collector.get('/ready')).status, 200)
  const { workers, ledger } = await collector.stats()
  t.same(
    workers.map(({ held_bytes }) => held_bytes),
    [0],
    'what waits for absent partitions takes nothing from the budget of the others',
  )
  t.equal(ledger.difference, 0)

  // With both away, the journal has batches of all services.
  await first?.kill()
  await waitFor(async () => servicesWith(await agents.post(), 'journal').length === services.length, 'all to be away')
  for (let n = 0; n < 20; n++) await agents.post()
  const waiting = async () => (await collector.stats()).ledger.waiting
  await first?.restart()
  await waitFor(async () => servicesWith(await agents.post(), 'kafka').length === present.length, 'half to be back')
  await waitFor(async () => (await waiting()) === agents.journaledOf(absent), 'replay to pass those that are away')

  await second?.restart()
  await waitFor(async () => (await waiting()) === 0, 'an empty journal')
  await waitFor(async () => servicesWith(await agents.post(), 'kafka').length === services.length, 'all to be back')
  t.match((await collector.get('/health')).body, { status: 'healthy' })
  const ids = await nothingIsMissing(t, kafka.directBootstrap, agents.promised)
  t.equal(ids.length, new Set(ids).size, 'nothing is there twice')
})

test('without a journal, only services whose partitions are away are answered 503', async (t) => {
  const kafka = await startHalves(t)
  const collector = await startCollector(t, { kafka: kafka.directBootstrap, env })
  const agents = new Services(collector)
  await agents.post()
  await kafka.brokers[1]?.kill()
  await agents.post()
  await waitFor(() => saysSomeAway(collector), 'some partitions to be away')
  const replies = await waitFor(async () => {
    const posted = await agents.post()
    return servicesWith(posted, 'kafka').length > 0 && posted
  }, 'some services to go on')
  const refused = [...replies.values()].filter(({ status }) => status === 503)
  t.equal(refused.length + servicesWith(replies, 'kafka').length, services.length)
  t.ok(refused.length > 0)
  await agreesThatSomeAreAway(t, collector, 'deferred')
  for (const { body, headers } of refused) {
    t.match(body, { code: 'VANTAGE_KAFKA_UNAVAILABLE', detail: /no leader: .*and this batch belongs there/ })
    t.equal(headers.get('retry-after'), '1')
  }
  t.equal((await collector.get('/ready')).status, 200)
  t.equal((await collector.stats()).ledger.difference, 0)

  // Records without a key may go anywhere, so they go where there is a leader.
  const keyless = { ...env, VANTAGE_KAFKA_PARTITION_KEY: 'none' }
  const other = await startCollector(t, { kafka: kafka.directBootstrap, env: keyless })
  await waitFor(() => saysSomeAway(other), 'some partitions to be away')
  for (let n = 0; n < 20; n++) t.equal((await other.post(batchOf(50, { first: 1000 * n }))).status, 202)

  await kafka.brokers[1]?.restart()
  await waitFor(async () => servicesWith(await agents.post(), 'kafka').length === services.length, 'all to be back')
})

/** Posts until some services are acknowledged and the others journaled, twice in the same way. */
async function whileDivided(agents: Services): Promise<{ present: string[]; absent: string[] }> {
  let before = ''
  return waitFor(async () => {
    const replies = await agents.post()
    const [present, absent] = [servicesWith(replies, 'kafka'), servicesWith(replies, 'journal')]
    const isSteady = present.join() === before && present.length > 0 && absent.length > 0
    before = present.join()
    return isSteady && { present, absent }
  }, 'some services to go on, and the others to be journaled')
}

async function allAreTaken(t: Test, kafka: KafkaCluster, collector: Collector, agents: Services): Promise<void> {
  await waitFor(async () => servicesWith(await agents.post(), 'kafka').length === services.length, 'all to be taken')
  await waitFor(async () => (await collector.stats()).ledger.waiting === 0, 'an empty journal')
  t.match((await collector.get('/health')).body, { status: 'healthy' })
  t.equal((await collector.stats()).ledger.difference, 0)
  await nothingIsMissing(t, kafka.directBootstrap, agents.promised)
}

test('a broker that stands still, its connections open, keeps only the services of its own partitions', async (t) => {
  const kafka = await startHalves(t)
  const settings = { ...env, VANTAGE_ACK_TIMEOUT_MS: '2000', VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: kafka.directBootstrap, env: settings })
  const agents = new Services(collector)
  await waitFor(async () => servicesWith(await agents.post(), 'kafka').length === services.length, 'all to be taken')
  kafka.brokers[1]?.pause()
  const { present, absent } = await whileDivided(agents)
  t.equal(present.length + absent.length, services.length)
  t.equal((await collector.get('/ready')).status, 200)
  kafka.brokers[1]?.resume()
  await allAreTaken(t, kafka, collector, agents)
})

test('a broker whose advertised address cannot be reached keeps only the services of its own partitions', async (t) => {
  const [port, other, advertisedPort] = [await freePort(), await freePort(), await freePort()]
  const kafka = await KafkaCluster.start([
    { port, advertisedPort: port },
    { port: other, advertisedPort },
  ])
  t.teardown(() => kafka.remove())
  await createTopic(kafka.directBootstrap, { topic: 'metrics-raw', partitions, replicas: 1 })
  const settings = { ...env, VANTAGE_ACK_TIMEOUT_MS: '2000', VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: `127.0.0.1:${port}`, env: settings })
  const agents = new Services(collector)
  const { present, absent } = await whileDivided(agents)
  t.equal(present.length + absent.length, services.length)
  // As if the network were mended.
  const way = createServer((client) => {
    const broker = connect(other, '127.0.0.1')
    client.pipe(broker).pipe(client)
    for (const socket of [client, broker]) socket.on('error', () => socket.destroy())
  })
  t.teardown(() => way.close())
  way.listen(advertisedPort, '127.0.0.1')
  await once(way, 'listening')
  await allAreTaken(t, kafka, collector, agents)
})

test('where some partitions lack replicas in sync, only the services of these are kept', async (t) => {
  const ports = [await freePort(), await freePort(), await freePort()]
  const kafka = await KafkaCluster.start(ports.map((port) => ({ port, advertisedPort: port })))
  t.teardown(() => kafka.remove())
  await createTopic(kafka.directBootstrap, { topic: 'metrics-raw', partitions, replicas: 2 })
  const settings = { ...env, VANTAGE_ACK_TIMEOUT_MS: '2000', VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: kafka.directBootstrap, env: settings })
  const agents = new Services(collector)
  await waitFor(async () => servicesWith(await agents.post(), 'kafka').length === services.length, 'all to be taken')
  await kafka.brokers[2]?.kill()
  const { present, absent } = await whileDivided(agents)
  t.equal(present.length + absent.length, services.length)
  t.equal((await collector.get('/ready')).status, 200)
  await kafka.brokers[2]?.restart()
  await allAreTaken(t, kafka, collector, agents)
})

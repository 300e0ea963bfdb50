import { test } from 'tap'
import { startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Load } from '../../support/load.js'
import { nothingIsMissing } from '../../support/read-topic.js'
import { startKafka } from '../../support/start-kafka.js'

test('workers killed, replaced and stopped under load: nothing that was answered 202 is missing', async (t) => {
  const kafka = await startKafka(t)
  const collector = await startCollector(t, { kafka: kafka.bootstrap })
  const load = new Load(collector, { connections: 64, batchSize: 50, pauseMs: 10 })
  await waitFor(() => load.accepted.size > 20_000, 'load')

  const [victim = 0] = await collector.workerPids()
  const before = (await collector.stats()).ingestion.metrics_accepted
  process.kill(victim, 'SIGKILL')
  await waitFor(
    () => collector.logs.filter(({ msg }) => msg === 'Kafka takes records').length === 3,
    'the new worker to be connected',
  )
  t.same(
    load.statuses.filter((status) => typeof status === 'number'),
    [],
    'no answer but 202',
  )
  const broken = load.others.length
  t.ok(broken <= 64, `${broken} connections broke, those of the killed worker`)
  t.ok((await collector.stats()).ingestion.metrics_accepted >= before, 'the sums did not fall')

  collector.process.kill('SIGHUP')
  await waitFor(() => collector.logs.some(({ msg }) => msg === 'the workers are replaced'), 'the reload')
  t.equal(load.others.length, broken, 'no request was refused while the workers were replaced')

  t.same(await collector.stop('SIGTERM'), { code: 0, signal: null })
  await load.stop()
  t.same(
    load.statuses.filter((status) => typeof status === 'number'),
    [],
    'no answer but 202, to the end',
  )
  await nothingIsMissing(t, kafka.bootstrap, load.accepted)
})

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parseConfig } from '../../../lib/config/config.js'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { runCommand } from '../../support/run-command.js'

const isRoot = process.getuid?.() === 0

test('the journal is at the same place from wherever the collector is started', async (t) => {
  const placeOf = (env: Record<string, string>) => parseConfig(env).config.journalDir
  t.equal(placeOf({ XDG_STATE_HOME: '/state', HOME: '/home/me' }), '/state/vantage-collector/journal')
  const own = '/home/me/.local/state/vantage-collector/journal'
  const places = isRoot ? ['/var/lib/vantage-collector/journal'] : ['/var/lib/vantage-collector/journal', own]
  t.ok(places.includes(placeOf({ HOME: '/home/me' })), 'without XDG_STATE_HOME')
  t.ok(places.includes(placeOf({ HOME: '/home/me', XDG_STATE_HOME: 'relative' })), 'one that is relative is none')
  t.equal(placeOf({ VANTAGE_JOURNAL_DIR: 'here' }), join(process.cwd(), 'here'))
  t.equal(placeOf({ VANTAGE_JOURNAL_DIR: '' }), '')
})

test('the log says where batches go; the end, how many wait and where; the next start elsewhere, how to send them', async (t) => {
  const state = await makeDirectory(t)
  const journal = join(state, 'vantage-collector', 'journal')
  const nowhere = `127.0.0.1:${await freePort()}`
  const env = { XDG_STATE_HOME: state, VANTAGE_JOURNAL_DIR: 'auto', VANTAGE_KAFKA_BOOTSTRAP_SERVERS: nowhere }
  const first = await startCollector(t, { env })
  t.match(
    first.logs.find(({ msg }) => msg === 'collector is listening'),
    { kafka: nowhere, topic: 'metrics-raw', journal },
  )
  for (let n = 0; n < 4; n++) await first.post(batchOf(10))
  await first.stop()
  t.match(
    first.logs.find(({ msg }) => msg.startsWith('40 metrics wait in ')),
    { metrics: 40, journal, msg: `40 metrics wait in ${journal}: the next start sends them` },
  )

  const elsewhere = { ...env, VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const second = await startCollector(t, { env: elsewhere })
  await waitFor(() => second.logs.some(({ msg }) => msg.includes('wait in another journal')), 'a word of the other')
  t.match(
    second.logs.find(({ msg }) => msg.includes('wait in another journal')),
    { journal, metrics: 40, msg: `VANTAGE_JOURNAL_DIR=${journal} vantage-collector journal replay` },
  )
  await second.stop()
  t.notOk(
    second.logs.some(({ msg }) => msg.includes('metrics wait in /')),
    'nothing waits in its own',
  )
})

test('a journal where older versions kept it, below the working directory, is named at the start', async (t) => {
  const cwd = await makeDirectory(t)
  const journal = join(cwd, 'vantage-journal')
  mkdirSync(journal)
  const nowhere = `127.0.0.1:${await freePort()}`
  const older = await startCollector(t, { kafka: nowhere, env: { VANTAGE_JOURNAL_DIR: journal } })
  await older.post(batchOf(10))
  await older.stop()
  const newer = await startCollector(t, { kafka: nowhere, cwd, env: { VANTAGE_JOURNAL_DIR: await makeDirectory(t) } })
  await waitFor(
    () => newer.logs.some(({ msg }) => msg.includes(`VANTAGE_JOURNAL_DIR=${journal} vantage-collector journal replay`)),
    'a word of the older journal',
  )
})

test('journal status says where there is none', async (t) => {
  const env = { XDG_STATE_HOME: await makeDirectory(t), VANTAGE_JOURNAL_DIR: 'auto' }
  t.match(await runCommand(['journal', 'status'], { env }), {
    code: 1,
    stderr: `There is no journal in ${env.XDG_STATE_HOME}/vantage-collector/journal; VANTAGE_JOURNAL_DIR names it`,
  })
})

import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { test } from 'tap'
import { Burial } from '../../../lib/delivery/burial.js'
import type { DeadRecord } from '../../../lib/delivery/journal/dead-space.js'
import { Journal } from '../../../lib/delivery/journal/journal.js'
import { Shipment } from '../../../lib/delivery/shipment.js'
import { Telemetry } from '../../../lib/telemetry/telemetry.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'

const topic = 'metrics-raw'

test('a dead record that the disk takes only later is buried as it was, though its memory is used again', async (t) => {
  const directory = await makeDirectory(t)
  const telemetry = new Telemetry()
  const logger = pino({ level: 'silent' })
  const journal = new Journal({ directory, maxBytes: 2 ** 24, topic }, telemetry, logger)
  await journal.start()
  t.teardown(() => journal.stop())
  const burial = new Burial({ config: { kafkaTopic: topic }, journal, ledger: telemetry.ledger, logger })
  t.teardown(() => burial.stop())

  const bytes = Buffer.from('{"id":1}{"id":2}')
  const batch = { bytes, ends: Uint32Array.of(8, 16), keys: [Buffer.from('shop')] }
  const shipment = Shipment.asked(batch, Infinity, () => undefined)
  telemetry.ledger.received(2)
  shipment.journaled(await journal.append({ batch, firstSeenMs: shipment.firstSeenMs }, { held: true }))
  telemetry.ledger.journaled(2, 'inFlight')
  const failure = { record: 1, reason: 'message size too large', errorCode: 'MESSAGE_TOO_LARGE' }
  shipment.note([{ ...failure, forGood: true }])
  shipment.refuse(failure)
  telemetry.ledger.acknowledged(1, 'waiting')

  const dead = join(directory, 'dead')
  await rename(dead, `${dead}-elsewhere`)
  await writeFile(dead, 'in the way')
  burial.keepPromise(shipment)
  bytes.fill('x')
  await t.rejects(async () => journal.dead?.bury([]), 'the disk takes no dead records')
  t.equal(journal.entries, 1, 'so the batch stays in the journal')
  await rename(dead, `${dead}-was-in-the-way`)

  await waitFor(() => telemetry.ledger.figures.buried === 1, 'the dead record')
  const buried: DeadRecord[] = []
  for (const file of (await journal.dead?.list()) ?? []) {
    for await (const records of journal.dead?.read(file) ?? []) buried.push(...records)
  }
  t.match(buried, [{ topic, key: 'shop', value: '{"id":2}', errorCode: 'MESSAGE_TOO_LARGE' }])
  await waitFor(() => journal.entries === 0, 'a journal in which nothing waits')
  t.match(telemetry.ledger.figures, { waiting: 0, acknowledged: 1, buried: 1 })
})

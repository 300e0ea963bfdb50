import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import { Progress } from '../../../lib/delivery/progress.js'

type Partition = { leader?: number; waiting?: number; sent?: number }

function statistics(partitions: Partition[], state = 'UP'): string {
  const described = partitions.map(({ leader = 1, waiting = 0, sent = 0 }, n) => [
    n,
    { leader, msgq_cnt: 0, xmit_msgq_cnt: waiting, msgs_inflight: 0, txmsgs: sent },
  ])
  const topics = { 'metrics-raw': { partitions: Object.fromEntries(described) } }
  return JSON.stringify({ brokers: { one: { nodeid: 1, state } }, topics })
}

const stillMs = 20

/** For how long it is still after two samples, some time apart. */
async function after(first: string, second: string): Promise<number> {
  const progress = new Progress()
  progress.update(first)
  await pause(stillMs)
  progress.update(second)
  return progress.stillMs
}

const waits = (sent: number) => ({ waiting: 10, sent })

test('records that wait and are not sent are still', async (t) => {
  t.ok((await after(statistics([waits(5)]), statistics([waits(5)]))) >= stillMs - 1)
})

test('records that are sent again and again are not, as where replicas are short', async (t) => {
  t.ok((await after(statistics([waits(5)]), statistics([waits(15)]))) < stillMs - 1)
})

test('one partition that is still shows beside others that are not', async (t) => {
  const samples = [5, 15].map((sent) => statistics([waits(sent), { waiting: 1, sent: 3 }]))
  t.ok((await after(samples[0] ?? '', samples[1] ?? '')) >= stillMs - 1)
})

test('records whose broker cannot be reached are away, not stuck', async (t) => {
  t.ok((await after(statistics([waits(5)], 'CONNECT'), statistics([waits(5)], 'CONNECT'))) < stillMs - 1)
})

test('records for which there is no leader, or no partition yet, are still', async (t) => {
  const sample = statistics([{ leader: -1, waiting: 1 }])
  t.ok((await after(sample, sample)) >= stillMs - 1)
})

test('where nothing waits, nothing speaks for the producer', async (t) => {
  t.equal(await after(statistics([waits(5)]), statistics([{}])), Infinity)
})

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { freePort } from '../../../tools/free-port.js'
import { makeDirectory } from '../../support/directory.js'
import { FaultyDisk } from '../../support/faulty-disk.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { runCommand } from '../../support/run-command.js'

function check(env: Record<string, string>, ...args: string[]) {
  return runCommand(['--check-config', ...args], { env })
}

test('--check-config names a journal directory that cannot work, and ends with 2', async (t) => {
  const directory = await makeDirectory(t)
  const file = join(directory, 'file')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'journal')]) {
    const { code, stdout, stderr } = await check({ VANTAGE_JOURNAL_DIR: path })
    t.match({ code, stdout }, { code: 2, stdout: '' })
    t.equal(
      stderr,
      `vantage-collector: VANTAGE_JOURNAL_DIR=${path} cannot be used: ${file} is a file, not a directory\n`,
    )
  }
  const newer = join(directory, 'newer')
  mkdirSync(newer)
  writeFileSync(join(newer, 'FORMAT'), '99\n')
  t.match(await check({ VANTAGE_JOURNAL_DIR: newer }), { code: 2, stderr: 'written by a newer version' })
})

test('--check-config tries to enter, to write and to read the journal, whichever of it fails', async (t) => {
  const disk = await FaultyDisk.make(t)
  const journal = join(await makeDirectory(t), 'journal')
  mkdirSync(join(journal, 'logs'), { recursive: true })
  const env = { VANTAGE_JOURNAL_DIR: journal, ...disk.env }
  for (const [call, fault, at] of [
    ['access', 'EACCES', '/logs'],
    ['mkdir', 'EACCES', '.vantage-trial-'],
    ['mkdir', 'EROFS', '.vantage-trial-'],
  ] as const) {
    disk.set({ call, fault, at })
    t.match(await check(env), {
      code: 2,
      stderr: new RegExp(`VANTAGE_JOURNAL_DIR=${journal} cannot be used: ${fault}`),
    })
  }
  disk.set({ call: 'write', fault: 'ENOSPC', at: '.vantage-trial-' })
  t.match(await check(env), { code: 0, stderr: /VANTAGE_JOURNAL_DIR=\S+: ENOSPC/ }, 'a full disk keeps no start back')
  disk.mend()
  t.match(await check(env), { code: 0, stdout: `The journal can be written: ${journal}\n` })
  t.same(readdirSync(journal), ['logs'], 'it leaves no trace')
})

test('--check-config makes no journal, and says when its disk has too little room', async (t) => {
  const directory = await makeDirectory(t)
  const journal = join(directory, 'a', 'journal')
  t.match(await check({ VANTAGE_JOURNAL_DIR: journal }), {
    code: 0,
    stdout: `The journal can be written: ${journal}\n`,
  })
  t.same(readdirSync(directory), [])
  const large = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_JOURNAL_MAX_MB: '1048576' }
  t.match(await check(large), {
    code: 0,
    stderr: /its disk has \d+ MiB free, and VANTAGE_JOURNAL_MAX_MB asks for more/,
  })
})

test('--check-config --connect asks the brokers for the topics, and gives up after a while', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: '', VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka }
  const { code, stdout } = await check({ ...env, VANTAGE_KAFKA_DEAD_LETTER_TOPIC: 'dead' }, '--connect')
  t.equal(code, 0)
  t.same(stdout.trim().split('\n'), [
    'The configuration is valid',
    'Kafka takes records: Topic metrics-raw has 4 partitions',
    'Kafka takes records: Topic dead has 4 partitions',
  ])
  const nowhere = `127.0.0.1:${await freePort()}`
  t.match(await check({ ...env, VANTAGE_KAFKA_BOOTSTRAP_SERVERS: nowhere }, '--connect'), {
    code: 1,
    stdout: '',
    stderr: `Kafka takes no records for metrics-raw, or not all, after 10 s: No broker of ${nowhere} answers`,
  })
  t.match(await check(env, '--connect', '--dev'), { code: 2, stderr: '--dev brings its own' })
  t.match(await runCommand(['--connect']), { code: 2, stderr: '--connect goes with --check-config' })
})

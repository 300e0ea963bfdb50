import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { parseConfig } from '../../../lib/config/config.js'
import { runCommand } from '../../support/run-command.js'

const run = promisify(execFile)
const unit = readFileSync('deploy/systemd/vantage-collector.service', 'utf8')
const installed = '/opt/vantage-collector/node_modules/.bin/vantage-collector'
const analyze = '/usr/bin/systemd-analyze'

/** What the unit sets, each time it does. */
function valuesOf(key: string): string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value)
}

const env = Object.fromEntries(valuesOf('Environment').map((setting) => setting.split('=', 2)))

test('the systemd unit sets what the collector reads, and waits for its drain', async (t) => {
  const { config, warnings, mistakes } = parseConfig(env)
  t.same([warnings, mistakes], [[], []])
  t.equal(config.journalDir, `/var/lib/${valuesOf('StateDirectory')}/journal`, 'the journal is where it may write')
  t.ok(1000 * Number(valuesOf('TimeoutStopSec')) > config.shutdownTimeoutMs)
  const limits = { files: Number(valuesOf('LimitNOFILE')), connections: config.maxConnections }
  t.ok(limits.files > limits.connections, 'a worker may open as many connections as it takes')
})

test('what the systemd unit runs is there, and says by its exit code when a restart is no use', async (t) => {
  const packed = JSON.parse(readFileSync('package.json', 'utf8'))
  t.ok('vantage-collector' in packed.bin, 'npm links it where the unit looks')
  for (const line of [...valuesOf('ExecStartPre'), ...valuesOf('ExecStart')]) t.ok(line.startsWith(installed), line)
  const [check = ''] = valuesOf('ExecStartPre')
  const args = check.split(' ').slice(1)
  t.match(await runCommand(args, { env }), { code: 0, stderr: '' })
  const wrong = await runCommand(args, { env: { ...env, VANTAGE_API_PORT: 'http' } })
  t.equal(wrong.code, Number(valuesOf('RestartPreventExitStatus')))
  t.same(valuesOf('StartLimitIntervalSec'), ['0'], 'a port that is taken for a moment ends no service for good')
})

test('systemd knows every line of the unit', { skip: !existsSync(analyze) && 'there is no systemd' }, async (t) => {
  const verify = async (text: string) => {
    const path = join(t.testdir(), 'vantage-collector.service')
    writeFileSync(path, text.replaceAll(installed, process.execPath))
    const { stdout, stderr } = await run(analyze, ['verify', path])
    return stdout + stderr
  }
  t.equal(await verify(unit), '')
  t.match(await verify(unit.replace('ProtectHome', 'ProtectHouse')), /Unknown key/)
})

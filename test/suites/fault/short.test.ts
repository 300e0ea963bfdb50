import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'tap'

const minutes = 0.75
const metricsPerSecond = 6000
/** Those that are soon over: a broker that is killed takes a quarter of a minute to come back. */
const faults = ['worker-kill', 'collector-kill', 'terminate', 'reload', 'kafka-stop', 'broker-stop', 'answers-lost']
const timeoutMs = 420_000

/** The same each time, and one that nobody has seen: it is in the title, to be run again. */
for (const seed of [20, Date.now() % 2 ** 31]) {
  test(`nothing that is answered 202 is lost, whatever goes wrong (seed ${seed})`, {
    timeout: timeoutMs,
  }, async (t) => {
    const out = await mkdtemp(join(tmpdir(), 'vantage-fault-out-'))
    t.teardown(() => rm(out, { recursive: true, force: true }))
    const load = ['--minutes', String(minutes), '--rate', String(metricsPerSecond), '--faults', faults.join(',')]
    const args = ['dist/test/suites/fault/main.js', ...load, '--seed', String(seed), '--out', out]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill())
    createInterface(child.stdout).on('line', (line) => t.comment(`fault: ${line}`))
    const [code] = await once(child, 'exit')
    t.equal(code, 0)
  })
}

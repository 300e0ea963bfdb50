import { resolve } from 'node:path'
import { type Test, test } from 'tap'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { runProgram } from '../../support/run-program.js'
import { tool } from '../../support/tools.js'

const secondsEach = 30

test('a collector answers whatever is sent as its OpenAPI document says', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t) })
  await compare(t, collector, 1)
  t.equal((await collector.stats()).ledger.difference, 0, 'the ledger balances')
})

test('so it does where it wants an API key, with one and without', async (t) => {
  const env = { VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEY: 's3cret' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  await compare(t, collector, 2, ['--header', 'X-API-Key: s3cret'])
})

/** Sends what the document allows and what it does not, the same each time, with every check of schemathesis. */
async function compare(t: Test, collector: Collector, seed: number, more: string[] = []): Promise<void> {
  const args = [
    ...['--no-color', 'run', `${collector.url}/openapi.json`, '--checks', 'all'],
    // hooks.py has the check that knows of batches that are accepted in part.
    ...['--exclude-checks', 'negative_data_rejection'],
    ...['--seed', String(seed), '--max-time', String(secondsEach), '--generation-database', 'none'],
    ...['--continue-on-failure', ...more],
  ]
  // With FORCE_COLOR, which tap sets, it draws its progress.
  const env = { ...process.env, FORCE_COLOR: undefined, SCHEMATHESIS_HOOKS: resolve('test/suites/openapi/hooks.py') }
  // It leaves files where it runs.
  const { code, output } = await runProgram(resolve(tool('st')), args, { env, cwd: t.testdir() })
  t.equal(code, 0, `seed ${seed}`, { output })
  const [, generated] = /(\d+) generated/.exec(output) ?? []
  t.ok(Number(generated) > 100, `${generated} requests were sent`, { output })
  t.match(output, /Selected: (\d+)\/\1\n/, 'every operation was tested')
}

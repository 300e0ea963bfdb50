import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { blocksOf } from '../../support/doc-blocks.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { plainly } from '../../support/plainly.js'
import { command } from '../../support/run-command.js'
import { runProgram } from '../../support/run-program.js'

/** How a block of each language is run; those of other languages are not commands. */
const runners: Record<string, { file: string; run: string[] }> = {
  sh: { file: 'block.sh', run: ['sh', '-eu', 'block.sh'] },
  python: { file: 'block.py', run: ['python3', 'block.py'] },
  js: { file: 'block.mjs', run: ['node', 'block.mjs'] },
  go: { file: 'block.go', run: ['go', 'run', 'block.go'] },
}

/** What .ci/run installs for programs of the pages, where it is there. */
const path = `${resolve('.cache/tools/bin')}:${process.env.PATH}`
/** Packages of Python that programs of the pages import, and that may be missing here. */
const missing = ['confluent_kafka'].filter(
  (name) => spawnSync('python3', ['-c', `import ${name}`], { env: { PATH: path } }).status !== 0,
)

const pages = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))]
const blocks = pages.flatMap((path) => blocksOf(path).map((block) => ({ path, ...block })))

/** The lines of output that the page shows behind a block: in a block without a language that follows it. */
function shownBehind(n: number): string[] {
  const [block, next] = blocks.slice(n)
  if (next === undefined || next.path !== block?.path || next.language !== '') return []
  return next.code.split('\n').filter((line) => line !== '' && line !== '...')
}

test('each block of commands is run, or says why it is not', async (t) => {
  const unknown = blocks.filter(({ language }) => ['bash', 'shell', 'console', 'zsh'].includes(language))
  t.same(unknown, [], 'commands are in blocks of the language sh, which is run')
  t.ok(blocks.some(({ language, notRun }) => language === 'sh' && notRun === undefined))
})

test('every command of README and docs does what it says', async (t) => {
  const kafka = await startMockKafka(t)
  const bin = t.testdir()
  const journal = join(bin, 'journal')
  const settings = {
    VANTAGE_API_WORKERS: '1',
    VANTAGE_JOURNAL_DIR: journal,
    VANTAGE_KAFKA_DEAD_LETTER_TOPIC: 'metrics-dead',
    VANTAGE_DEAD_LETTER_INVALID: 'true',
  }
  const collector = await startCollector(t, { kafka, env: settings })
  await collector.post({ ...batchOf(1), metrics: [{ metric_name: 'nameless' }] })
  await waitFor(async () => (await collector.stats()).ingestion.rejected_dead_letters === 1, 'a dead letter')
  writeFileSync(join(bin, 'vantage-collector'), `#!/bin/sh\nexec ${process.execPath} ${command} "$@"\n`)
  chmodSync(join(bin, 'vantage-collector'), 0o755)
  symlinkSync(resolve('dist'), join(bin, 'dist'))
  const { host, port } = new URL(collector.url)
  const env = {
    ...process.env,
    PATH: `${bin}:${path}`,
    VANTAGE_API_PORT: port,
    VANTAGE_JOURNAL_DIR: journal,
    VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka,
    KAFKA: kafka,
  }
  for (const [n, { path, line, language, code, notRun }] of blocks.entries()) {
    const runner = runners[language]
    if (runner === undefined || notRun !== undefined) continue
    const lacking = missing.find((name) => code.includes(name))
    if (lacking !== undefined) {
      t.pass(`${path}:${line}`, { skip: `Python has no ${lacking} here; .ci/run installs it` })
      continue
    }
    // The page's collector listens where a newcomer's does.
    writeFileSync(join(bin, runner.file), code.replaceAll('localhost:8000', host))
    const [name, args] = plainly(...(([first = '', ...rest]) => [first, rest] as const)(runner.run))
    const { code: exitCode, output } = await runProgram(name, args, { cwd: bin, env })
    t.equal(exitCode, 0, `${path}:${line}`, { output })
    for (const shown of shownBehind(n)) t.ok(output.includes(shown), `${path}:${line} prints ${shown}`, { output })
    if (code.includes('metrics-dead')) t.match(output, 'vantage-reason=metrics[0].timestamp is required')
    if (code.includes('confluent_kafka')) t.match(output, /^[1-9]\d* metrics of/, 'it read what the others posted')
  }
  t.equal((await collector.stats()).ledger.difference, 0)
})

test('the Python agent of docs/agents.md is told that its batch is too large, before it has sent it', async (t) => {
  const env = { VANTAGE_MAX_REQUEST_SIZE_MB: '1' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const agent = blocks.find(({ path, language }) => path === 'docs/agents.md' && language === 'python')?.code ?? ''
  // Its own last line posts one good batch.
  const program = `${agent.replaceAll('http://localhost:8000', collector.url)}
for n in range(5):
    try:
        print(post({"service_name": "checkout", "metrics": [dict(metric, note="x" * 20_000_000)]}))
    except urllib.error.HTTPError as error:
        print(error.code, json.load(error)["code"])
`
  const folder = t.testdir({ 'agent.py': program })
  const { output } = await runProgram('python3', ['agent.py'], { cwd: folder })
  const [posted, ...refused] = output.trimEnd().split('\n')
  t.equal(posted, '1 metric acknowledged by Kafka')
  t.same(refused, Array(5).fill('413 VANTAGE_BODY_TOO_LARGE'))
})

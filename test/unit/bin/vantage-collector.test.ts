import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'
import { commands } from '../../../lib/commands/commands.js'
import { configSchema } from '../../../lib/config/schema.js'
import { variableOf } from '../../../lib/config/variables.js'
import { version } from '../../../lib/shared/version.js'
import { uWebSocketsBuild } from '../../../lib/worker/uwebsockets.js'
import { batchOf } from '../../../tools/batches.js'
import { Collector, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { command, runCommand, startCommand } from '../../support/run-command.js'

test('--help names every variable, --version the version and what was compiled', async (t) => {
  const { code, stdout } = await runCommand(['--help'])
  t.equal(code, 0)
  for (const member of Object.keys(configSchema.properties)) t.ok(stdout.includes(`  ${variableOf(member)}\n`), member)
  const shown = await runCommand(['--version'])
  t.match(shown, { code: 0, stderr: '' })
  const [first, node, uWebSockets, librdkafka] = shown.stdout.split('\n')
  t.equal(first, version)
  t.equal(node, `Node ${process.versions.node}`)
  t.equal(uWebSockets, `uWebSockets.js: ${uWebSocketsBuild}`)
  t.match(librdkafka, /^librdkafka \d+\.\d+\.\d+: (.*, )?gzip\b/)
})

test('Node 22 and newer load the newer uWebSockets.js where glibc is new enough, Node 20 and old systems the older', async (t) => {
  const [major = 0] = process.versions.node.split('.').map(Number)
  const { stdout } = await promisify(execFile)('ldd', ['--version'])
  const [, glibc = 0] = stdout.match(/ 2\.(\d+)\n/)?.map(Number) ?? []
  t.match(
    uWebSocketsBuild,
    major >= 22 && glibc >= 38 ? /^@uwsjs\/linux-\w+-\d+ 20\.\d+\.\d+$/ : /^uws-pack 20\.\d+\.\d+$/,
  )
})

test('where uWebSockets.js has no build, the start ends at once with a line that says so, and --version says it, too', async (t) => {
  const hook = `export async function resolve(name, context, next) {
    if (name === 'uws-pack') throw new Error('no uws-pack here')
    return next(name, context)
  }`
  const register = `
    import { Module, register } from 'node:module'
    register(${JSON.stringify(dataUrl(hook))})
    const resolve = Module._resolveFilename
    Module._resolveFilename = (name, ...rest) => {
      if (name.startsWith('@uwsjs/')) throw new Error('glibc is too old\\nRequire stack:\\n- /somewhere')
      return resolve(name, ...rest)
    }`
  const env = { NODE_OPTIONS: `--import=${dataUrl(register)}`, VANTAGE_API_PORT: '0' }
  const words =
    /uWebSockets\.js has no build for Node [\d.]+ on linux \w+ with glibc 2\.\d+\. .* npm ci .*@uwsjs\/\S+: glibc is too old; uws-pack: no uws-pack here$/
  const shown = await runCommand(['--version'], { env })
  t.match(shown, { code: 0, stderr: '' })
  t.match(shown.stdout.split('\n')[2], words)
  const started = await runCommand([], { env })
  t.equal(started.code, 1)
  const lines = started.stdout.trim().split('\n')
  t.equal(lines.length, 1, started.stdout)
  t.match(JSON.parse(lines[0] ?? ''), { level: 'fatal', msg: words })
})

const dataUrl = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`

test('each command tells its own usage', async (t) => {
  for (const [name, load] of Object.entries(commands)) {
    const { usage } = await load()
    t.same(await runCommand([name, '--help']), { code: 0, stdout: usage, stderr: '' }, name)
  }
  t.match(await runCommand(['key', 'new', 'a', '-h']), { code: 0, stdout: /^vantage-collector key new NAME/ })
})

test('what is not understood ends with 2 and points to --help', async (t) => {
  t.match(await runCommand(['--nonsense']), { code: 2, stderr: /--nonsense.*see --help/ })
  t.match(await runCommand(['serve']), { code: 2, stderr: 'There is no command serve; see --help' })
})

test('--check-config tells each mistake in a line and starts nothing', async (t) => {
  const without = { VANTAGE_JOURNAL_DIR: '' }
  t.match(await runCommand(['--check-config'], { env: without }), { code: 0, stdout: 'The configuration is valid\n' })
  const env = { VANTAGE_API_PORT: 'x', VANTAGE_DEBUG: 'y', VANTAGE_TYPO: 'z' }
  const { code, stdout, stderr } = await runCommand(['--check-config'], { env })
  t.equal(code, 2)
  t.equal(stdout, '')
  t.same(stderr.trim().split('\n'), [
    'vantage-collector: VANTAGE_TYPO is not a setting of this version and is ignored; --help lists them all',
    'vantage-collector: VANTAGE_API_PORT="x" is not allowed; it must be an integer from 0 to 65535',
    'vantage-collector: VANTAGE_DEBUG="y" is not allowed; it must be true or false',
  ])
  t.match(await runCommand([], { env: { VANTAGE_API_PORT: 'x' } }), { code: 2 }, 'serving checks the same')
})

test('librdkafka properties that cannot be, or not together, are told in its words before anything is started', async (t) => {
  for (const [variable, value, words] of [
    ['VANTAGE_KAFKA_PROPERTY_NO_SUCH', '1', 'No such configuration property: "no.such"'],
    ['VANTAGE_KAFKA_PROPERTY_MAX_IN_FLIGHT', '10', '`max.in.flight` must be set <= 5'],
  ] as const) {
    const { code, stderr } = await runCommand(['--check-config'], { env: { [variable]: value } })
    t.equal(code, 2)
    t.match(stderr, new RegExp(`^vantage-collector: ${variable}: librdkafka says: ${words}.*\\n$`))
  }
})

test('a setting that needs what librdkafka was compiled without is named with the package to install', async (t) => {
  const rdkafka = pathToFileURL(resolve('node_modules/node-rdkafka/lib/index.js'))
  const bare = `import Kafka from '${rdkafka}'; Kafka.features.splice(0, Infinity, 'snappy', 'lz4', 'sasl', 'sasl_plain')`
  const plain = {
    VANTAGE_KAFKA_COMPRESSION_TYPE: 'lz4',
    VANTAGE_KAFKA_SASL_USERNAME: 'u',
    VANTAGE_KAFKA_SASL_PASSWORD: 'p',
  }
  const check = (args: string[], settings: Record<string, string>) => {
    return runCommand(args, { env: { ...settings, NODE_OPTIONS: `--import=${dataUrl(bare)}` } })
  }
  const cases: [settings: Record<string, string>, lines: RegExp[]][] = [
    [{}, [/VANTAGE_KAFKA_COMPRESSION_TYPE=gzip needs .* gzip, .* zlib1g-dev, .* npm ci/]],
    [{ VANTAGE_KAFKA_COMPRESSION_TYPE: 'zstd' }, [/VANTAGE_KAFKA_COMPRESSION_TYPE=zstd needs .* libzstd-dev/]],
    [{ ...plain, VANTAGE_KAFKA_COMPRESSION_TYPE: 'snappy' }, []],
    [{ ...plain, VANTAGE_KAFKA_SECURITY_PROTOCOL: 'ssl' }, [/_PROTOCOL=ssl needs .* ssl, .* libssl-dev/]],
    [
      { ...plain, VANTAGE_KAFKA_SECURITY_PROTOCOL: 'sasl_ssl' },
      [/_PROTOCOL=sasl_ssl needs .* ssl,/, /_SASL_MECHANISM=SCRAM-SHA-512 needs .* sasl_scram, .* libssl-dev/],
    ],
    [
      {
        VANTAGE_KAFKA_COMPRESSION_TYPE: 'none',
        VANTAGE_KAFKA_SECURITY_PROTOCOL: 'sasl_plaintext',
        VANTAGE_KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
        VANTAGE_KAFKA_SASL_TOKEN: 't',
      },
      [/_SASL_MECHANISM=OAUTHBEARER needs .* sasl_oauthbearer/],
    ],
    [{ ...plain, VANTAGE_KAFKA_SECURITY_PROTOCOL: 'sasl_plaintext', VANTAGE_KAFKA_SASL_MECHANISM: 'PLAIN' }, []],
    [
      { ...plain, VANTAGE_KAFKA_PROPERTY_SECURITY_PROTOCOL: 'SSL' },
      [/VANTAGE_KAFKA_PROPERTY_SECURITY_PROTOCOL=SSL needs .* ssl,/],
    ],
  ]
  for (const [settings, lines] of cases) {
    const { code, stderr } = await check(['--check-config'], settings)
    const mistakes = stderr.split('\n').filter((line) => line.includes('compiled without'))
    t.match(mistakes, lines, JSON.stringify(settings))
    t.equal(mistakes.length, lines.length, stderr)
    t.equal(code, lines.length === 0 ? 0 : 2)
  }
  t.match(await check([], {}), { code: 2, stdout: '', stderr: /zlib1g-dev/ }, 'serving checks the same')
})

/** How --check-config ends for a user who may have so many threads. */
async function checkWithThreads(threads: number): Promise<{ code: number | null; stderr: string }> {
  // Without the environment, by which the test runner would have it write where that user may not.
  const limited = ['-c', `ulimit -u ${threads}; exec env -i "$0" "$@"`, process.execPath, command, '--check-config']
  // The limit does not hold for root; nobody else is this user.
  const child = spawn('/bin/bash', limited, { uid: 54_321, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stderr }
}

test('a shortage of threads is no mistake in the settings: it ends with 1, after which a restart is of use', async (t) => {
  if (process.getuid?.() !== 0 || (await checkWithThreads(1000)).code !== 0) {
    return void t.pass('no other user can be had here, or it may not read this directory')
  }
  // Downwards, since Node itself, which starts its threads first, may hang without them.
  let threads = 20
  let end = await checkWithThreads(threads)
  while (end.code === 0 && threads > 5) end = await checkWithThreads(--threads)
  t.match(end, { code: 1, stderr: /^vantage-collector: The system lacks threads or memory: .*thread.*\n$/ })
})

test('key new makes a key and its line; a file gets the line, and can be read by its owner and group alone', async (t) => {
  const { stdout } = await runCommand(['key', 'new', 'fleet-a', '--scope', 'ingest,read'])
  t.match(stdout, /^key: {2}vck_\S+\nline: fleet-a:[\da-f]{64}:ingest,read\n$/)
  const file = join(t.testdir(), 'keys')
  for (const name of ['a', 'b']) t.match((await runCommand(['key', 'new', name, '--file', file])).stdout, /^vck_\S+\n$/)
  t.match(readFileSync(file, 'utf8'), /^a:[\da-f]{64}:ingest\nb:[\da-f]{64}:ingest\n$/)
  t.equal(statSync(file).mode & 0o777, 0o640)
  writeFileSync(file, '# ours')
  await runCommand(['key', 'new', 'c', '--file', file])
  t.match(readFileSync(file, 'utf8'), /^# ours\nc:[\da-f]{64}:ingest\n$/)
  const again = await runCommand(['key', 'new', 'c', '--file', file])
  t.match(again, { code: 0, stderr: 'c has 2 keys now, and all of them hold' })
  for (const args of [['new'], ['list'], ['new', 'a b'], ['new', 'a', '--scope', 'write']]) {
    t.match(await runCommand(['key', ...args]), { code: 2, stdout: '' }, args.join(' '))
  }
})

test('the keys that root makes can be read by the group of their directory, as the service is', async (t) => {
  if (process.getuid?.() !== 0) return void t.pass('only root can give a file away')
  const directory = t.testdir()
  chownSync(directory, 0, 54_321)
  const file = join(directory, 'keys')
  await runCommand(['key', 'new', 'a', '--file', file])
  t.match(statSync(file), { uid: 0, gid: 54_321 })
  chownSync(file, 54_322, 54_323)
  await runCommand(['key', 'new', 'b', '--file', file])
  t.match(statSync(file), { uid: 54_322, gid: 54_323 }, 'a file that was there stays whose it is')
})

test('help is --help, and help COMMAND is COMMAND --help', async (t) => {
  t.equal((await runCommand(['help'])).stdout, (await runCommand(['--help'])).stdout)
  t.equal((await runCommand(['help', 'send'])).stdout, (await runCommand(['send', '--help'])).stdout)
  t.match(await runCommand(['help', 'serve']), { code: 2, stderr: 'There is no command serve' })
})

test('a .env file is read in development, not in production, and the environment wins', async (t) => {
  const cwd = t.testdir()
  writeFileSync(join(cwd, '.env'), 'VANTAGE_API_PORT=wrong\n')
  t.match(await runCommand(['--check-config'], { cwd }), { code: 2, stderr: /VANTAGE_API_PORT="wrong"/ })
  t.match(await runCommand(['--check-config'], { cwd, env: { VANTAGE_API_PORT: '1' } }), { code: 0 })
  t.match(await runCommand(['--check-config'], { cwd, env: { VANTAGE_ENVIRONMENT: 'production' } }), { code: 0 })
})

test('a directory .env is none of ours', async (t) => {
  const cwd = t.testdir({ '.env': {} })
  t.match(await runCommand(['--check-config'], { cwd }), { code: 0, stderr: '' })
})

test('--dev is refused in production', async (t) => {
  const { code, stderr } = await runCommand(['--dev'], { env: { VANTAGE_ENVIRONMENT: 'production' } })
  t.equal(code, 2)
  t.match(stderr, '--dev keeps metrics in memory only')
})

test('a newcomer starts --dev, posts a metric and sees it come out of Kafka', async (t) => {
  const port = String(await freePort())
  const collector = new Collector({ args: ['--dev'], env: { VANTAGE_API_PORT: port } })
  t.teardown(() => collector.kill())
  collector.url = `http://127.0.0.1:${port}`
  await waitFor(() => collector.logs.some(({ msg }) => msg.includes('collector is listening')), 'readable logs')
  t.notOk(
    collector.logs.some(({ msg }) => /WARN|ERROR|503/.test(msg)),
    'nothing to worry a newcomer',
  )
  const hint = `VANTAGE_API_PORT=${port} npx vantage-collector tail --dev`
  await waitFor(() => collector.logs.some(({ msg }) => msg.includes(hint)), 'what to do next')
  const { status, body } = await collector.post(batchOf(1))
  t.equal(status, 202)
  t.equal(body.durability, 'kafka')

  const env = { ...process.env, VANTAGE_API_PORT: port }
  const tail = spawn(process.execPath, [command, 'tail', '--dev', '--json'], { env })
  t.teardown(() => tail.kill('SIGKILL'))
  let output = ''
  tail.stdout.on('data', (chunk) => {
    output += chunk
  })
  await waitFor(() => output.includes('\n'), 'the record')
  const record = JSON.parse(output)
  t.match(record, { key: 'api-gateway', partition: Number, offset: 0 })
  t.match(JSON.parse(record.value), batchOf(1).metrics[0] ?? {})
  tail.kill('SIGINT')
  await waitFor(() => tail.exitCode === 0, 'tail to end')
})

test('a command ends without a word when nobody reads on what it prints', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  await collector.post(batchOf(2))
  const tail = startCommand(['tail', '--bootstrap', kafka, '--from-beginning'])
  tail.process.stdout?.once('data', () => tail.process.stdout?.destroy())
  await waitFor(async () => {
    await collector.post(batchOf(1))
    return tail.process.exitCode !== null
  }, 'tail to end')
  t.match(await tail.result, { code: 0, stderr: /^Reading .*\n$/ })
  const help = startCommand(['tail', '--help'])
  help.process.stdout?.destroy()
  t.match(await help.result, { code: 0, stderr: '' })
})

test('tail --dev shows its key to a collector that wants one, and says so when it has none', async (t) => {
  const port = String(await freePort())
  const key = { VANTAGE_API_PORT: port, VANTAGE_API_KEY: 'hush' }
  const collector = new Collector({ args: ['--dev'], env: { ...key, VANTAGE_AUTH_ENABLED: 'true' } })
  t.teardown(() => collector.kill())
  await waitFor(() => collector.logs.some(({ msg }) => msg.includes('collector is listening')), 'readable logs')
  for (const VANTAGE_API_KEY of ['', 'other']) {
    t.match(await runCommand(['tail', '--dev'], { env: { ...key, VANTAGE_API_KEY } }), {
      code: 1,
      stderr: 'wants an API key with the scope read: set VANTAGE_API_KEY',
    })
  }
  const tail = startCommand(['tail', '--dev'], { env: key })
  t.teardown(() => tail.process.kill('SIGKILL'))
  await waitFor(() => tail.output.stderr.includes('Reading'), 'tail to read')
  tail.process.kill('SIGINT')
  t.match(await tail.result, { code: 0 })
})

test('tail says what is wrong when it finds nothing to read', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const port = new URL(collector.url).port
  t.match(await runCommand(['tail', '--dev'], { env: { VANTAGE_API_PORT: port } }), {
    code: 1,
    stderr: 'not started with --dev',
  })
  const free = String(await freePort())
  t.match(await runCommand(['tail', '--dev'], { env: { VANTAGE_API_PORT: free } }), {
    code: 1,
    stderr: /No collector answers on .*VANTAGE_API_PORT/,
  })
  t.match(await runCommand(['tail', '--bootstrap', `127.0.0.1:${free}`]), {
    code: 1,
    stderr: `No broker of 127.0.0.1:${free} answers`,
  })
})

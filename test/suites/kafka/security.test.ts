import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Authority } from '../../support/certificates.js'
import { makeDirectory } from '../../support/directory.js'
import { readTopic } from '../../support/read-topic.js'
import { type Result, runCommand, startCommand } from '../../support/run-command.js'
import { type SecureKafka, startSecureKafka, unsecuredToken, user } from '../../support/secure-kafka.js'

type Settings = Record<string, string>

const oneWorker: Settings = { VANTAGE_API_WORKERS: '1' }

/** One broker for all: each test has keys of its own among its records. */
async function setUp(t: Test) {
  const [authority, stranger] = [await Authority.create(t), await Authority.create(t)]
  const kafka = await startSecureKafka(t, authority)
  const directory = await makeDirectory(t)
  const passwordFile = join(directory, 'password')
  writeFileSync(passwordFile, `${user.password}\n`)
  return { authority, stranger, kafka, directory, passwordFile }
}

function scram({ saslSsl }: SecureKafka, { cert }: Authority, passwordFile: string): Settings {
  return {
    VANTAGE_KAFKA_BOOTSTRAP_SERVERS: saslSsl,
    VANTAGE_KAFKA_SECURITY_PROTOCOL: 'sasl_ssl',
    VANTAGE_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    VANTAGE_KAFKA_SASL_USERNAME: user.name,
    VANTAGE_KAFKA_SASL_PASSWORD_FILE: passwordFile,
    VANTAGE_KAFKA_SSL_CA_FILE: cert,
    ...oneWorker,
  }
}

/** What the log says of Kafka being away. */
function complaints({ logs }: Collector): unknown[] {
  return logs.filter(({ msg }) => msg.startsWith('Kafka does not take records'))
}

test('Kafka by TLS with a login', async (t) => {
  const { authority, stranger, kafka, directory, passwordFile } = await setUp(t)
  const settings = scram(kafka, authority, passwordFile)

  await t.test('SCRAM: a batch is acknowledged, and tail prints it', async (t) => {
    const collector = await startCollector(t, { env: settings })
    const { status, body } = await collector.post(batchOf(3, { service: 'scram' }))
    t.match({ status, body }, { status: 202, body: { durability: 'kafka' } })
    const tail = startCommand(['tail', '--from-beginning'], { env: settings })
    t.teardown(() => tail.process.kill('SIGKILL'))
    await waitFor(() => tail.output.stdout.split('\n').length > 3, 'tail to print')
    tail.process.kill('SIGINT')
    t.equal((await tail.result).code, 0)
    t.match(tail.output.stdout, '"scram"')
    const shown = JSON.stringify([collector.logs, (await collector.get('/v1/config')).body]) + tail.output.stderr
    t.notMatch(shown, user.password)
    t.notMatch((await runCommand(['--check-config'], { env: settings })).stdout, user.password)
  })

  await t.test('what waits in the journal is sent by journal replay', async (t) => {
    const journal = { VANTAGE_JOURNAL_DIR: join(directory, 'journal') }
    // Nothing listens there: the batch stays in the journal.
    const away = { ...settings, ...journal, VANTAGE_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' }
    const collector = await startCollector(t, { env: away })
    t.match((await collector.post(batchOf(5, { service: 'replayed' }))).body, { durability: 'journal' })
    await collector.stop()
    const { code, stderr } = await runCommand(['journal', 'replay'], { env: { ...settings, ...journal } })
    t.equal(code, 0, stderr)
    const records = await readTopic(kafka.broker.bootstrap, 5)
    t.equal(records.filter(({ key }) => key === 'replayed').length, 5)
  })

  const others: Record<string, Settings> = {
    'SCRAM-SHA-256': { VANTAGE_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256' },
    PLAIN: { VANTAGE_KAFKA_SASL_MECHANISM: 'PLAIN' },
    OAUTHBEARER: { VANTAGE_KAFKA_SASL_MECHANISM: 'OAUTHBEARER', VANTAGE_KAFKA_SASL_TOKEN: unsecuredToken() },
    'a property passed through, which wins': {
      VANTAGE_KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
      VANTAGE_KAFKA_PROPERTY_SASL_MECHANISMS: 'PLAIN',
    },
  }
  for (const [name, more] of Object.entries(others)) {
    await t.test(name, async (t) => {
      const collector = await startCollector(t, { env: { ...settings, ...more } })
      t.match((await collector.post(batchOf(1))).body, { durability: 'kafka' })
    })
  }

  await t.test('a client certificate', async (t) => {
    const { cert, key } = await authority.issue('collector')
    const certificate = { VANTAGE_KAFKA_SSL_CERT_FILE: cert, VANTAGE_KAFKA_SSL_KEY_FILE: key }
    const mutual = {
      VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka.mutual,
      VANTAGE_KAFKA_SECURITY_PROTOCOL: 'ssl',
      VANTAGE_KAFKA_SSL_CA_FILE: authority.cert,
      ...oneWorker,
    }
    const collector = await startCollector(t, { env: { ...mutual, ...certificate } })
    t.match((await collector.post(batchOf(1))).body, { durability: 'kafka' })
    const without = await startCollector(t, { env: mutual, ready: false })
    await waitFor(() => complaints(without).length > 0, 'the log to tell')
    t.match(complaints(without), [{ kafka: /alert bad certificate; .*check VANTAGE_KAFKA_SSL_CERT_FILE/ }])
  })

  await t.test('a wrong password is told once, with what to do, and a right one mends it by SIGHUP', async (t) => {
    const wrong = join(directory, 'wrong')
    writeFileSync(wrong, 'guessed')
    const env = { ...settings, VANTAGE_KAFKA_SASL_PASSWORD_FILE: wrong }
    const collector = await startCollector(t, { env, ready: false })
    const remedy = /SASL authentication error: .*check VANTAGE_KAFKA_SASL_MECHANISM.*PASSWORD, then send SIGHUP/
    const ready = await collector.get('/ready')
    t.equal(ready.status, 503)
    t.match(ready.body.reason, remedy)
    const refused = await collector.post(batchOf(1))
    t.match(refused, { status: 503, body: { code: 'VANTAGE_KAFKA_UNAVAILABLE', detail: remedy } })
    const uptime = async () => Number((await collector.get('/v1/stats')).body.uptime_seconds)
    const askedAt = await uptime()
    await waitFor(async () => (await uptime()) > askedAt + 5, 'it to have tried for five seconds more')
    t.match(complaints(collector), [{ kafka: remedy }])
    t.equal(complaints(collector).length, 1)
    t.notMatch(JSON.stringify(collector.logs), 'guessed')
    const tail = await runCommand(['tail'], { env })
    t.equal(tail.code, 1)
    t.match(tail.stderr, remedy)

    writeFileSync(wrong, user.password)
    collector.process.kill('SIGHUP')
    await waitFor(async () => (await collector.metric('kafka_up')) === 1, 'all workers to see Kafka')
    t.match((await collector.post(batchOf(1))).body, { durability: 'kafka' })
  })

  await t.test('an expired token is told as what it is, and a new one mends it by SIGHUP', async (t) => {
    const file = join(directory, 'token')
    writeFileSync(file, unsecuredToken({ expiresInSeconds: -3600 }))
    const token = { VANTAGE_KAFKA_SASL_MECHANISM: 'OAUTHBEARER', VANTAGE_KAFKA_SASL_TOKEN_FILE: file }
    const collector = await startCollector(t, { env: { ...settings, ...token }, ready: false })
    const remedy = /SASL .*; the token may have expired: renew VANTAGE_KAFKA_SASL_TOKEN_FILE, then send SIGHUP/
    await waitFor(async () => remedy.test(String((await collector.get('/ready')).body.reason)), 'the reason')
    t.match(complaints(collector), [{ kafka: remedy }])
    t.notMatch(JSON.stringify(complaints(collector)), /USERNAME|PASSWORD/)
    const tail = await runCommand(['tail'], { env: { ...settings, ...token } })
    t.match(tail.stderr, remedy)
    writeFileSync(file, unsecuredToken())
    collector.process.kill('SIGHUP')
    await waitFor(async () => (await collector.metric('kafka_up')) === 1, 'all workers to see Kafka')
    t.match((await collector.post(batchOf(1))).body, { durability: 'kafka' })
  })

  await t.test('a CA that has not signed the certificate of the broker is told once, with what to do', async (t) => {
    const env = { ...settings, VANTAGE_KAFKA_SSL_CA_FILE: stranger.cert }
    const collector = await startCollector(t, { env, ready: false })
    t.equal((await collector.get('/ready')).status, 503)
    const remedy = /certificate verify failed; .*VANTAGE_KAFKA_SSL_CA_FILE.*then send SIGHUP/
    await waitFor(async () => remedy.test(String((await collector.get('/ready')).body.reason)), 'the reason')
    t.match(complaints(collector), [{ kafka: remedy }])
    t.equal(complaints(collector).length, 1)
  })
})

test('settings of the login that cannot work are told before anything is started', async (t) => {
  const authority = await Authority.create(t)
  const { cert, key } = await authority.issue('collector')
  const cases: [Settings, RegExp][] = [
    [
      { VANTAGE_KAFKA_SECURITY_PROTOCOL: 'sasl_ssl' },
      /sasl_ssl needs VANTAGE_KAFKA_SASL_USERNAME and VANTAGE_KAFKA_SASL_PA/,
    ],
    [
      { VANTAGE_KAFKA_SECURITY_PROTOCOL: 'sasl_ssl', VANTAGE_KAFKA_SASL_MECHANISM: 'OAUTHBEARER' },
      /sasl_ssl needs VANTAGE_KAFKA_SASL_TOKEN_FILE/,
    ],
    [{ VANTAGE_KAFKA_SSL_CA_FILE: '/nowhere' }, /VANTAGE_KAFKA_SSL_CA_FILE=\/nowhere cannot be read/],
    [{ VANTAGE_KAFKA_SSL_CERT_FILE: cert }, /VANTAGE_KAFKA_SSL_CERT_FILE needs VANTAGE_KAFKA_SSL_KEY_FILE/],
    [
      { VANTAGE_KAFKA_SSL_CERT_FILE: authority.cert, VANTAGE_KAFKA_SSL_KEY_FILE: key },
      /VANTAGE_KAFKA_SSL_KEY_FILE=\S+ is not the key of the first certificate/,
    ],
  ]
  for (const [env, mistake] of cases) {
    const { code, stderr } = await runCommand(['--check-config'], { env })
    t.equal(code, 2)
    t.match(stderr.trim().split('\n'), [mistake])
  }
  const { code, stderr }: Result = await runCommand(['--check-config'], {
    env: { VANTAGE_KAFKA_SASL_PASSWORD: 'hush' },
  })
  t.equal(code, 0)
  t.match(stderr, 'VANTAGE_KAFKA_SASL_PASSWORD is set, but not used: VANTAGE_KAFKA_SECURITY_PROTOCOL is plaintext')
  t.notMatch(stderr, 'hush')
})

/** Whoever comes by the plain listener may do anything; the collector's user may do what it is allowed to. */
const authorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
}

test('a client that may not use the topic is told so, and what it needs', async (t) => {
  const authority = await Authority.create(t)
  const kafka = await startSecureKafka(t, authority, authorizer)
  const passwordFile = join(await makeDirectory(t), 'password')
  writeFileSync(passwordFile, user.password)
  const collector = await startCollector(t, { env: scram(kafka, authority, passwordFile), ready: false })
  const reason = /Kafka does not let this client use topic metrics-raw: it needs the operations Describe and Write/
  await waitFor(async () => reason.test(String((await collector.get('/ready')).body.reason)), 'the reason')
  t.match(await collector.post(batchOf(1)), { status: 503, body: { detail: reason } })
  t.equal(complaints(collector).length, 1)
})

test('a client that may see the topic and not write to it is not ready, whatever Kafka answers', async (t) => {
  const authority = await Authority.create(t)
  const kafka = await startSecureKafka(t, authority, authorizer)
  await kafka.broker.allow(user.name, 'Describe', 'metrics-raw')
  const passwordFile = join(await makeDirectory(t), 'password')
  writeFileSync(passwordFile, user.password)
  // An idempotent producer would not even get an id.
  const patience = { VANTAGE_KAFKA_ACKS: '1', VANTAGE_ACK_TIMEOUT_MS: '1000' }
  const env = { ...scram(kafka, authority, passwordFile), ...patience }
  const collector = await startCollector(t, { env })
  t.match(await collector.post(batchOf(1)), { status: 503, body: { code: 'VANTAGE_ACK_TIMEOUT' } })
  const uptime = async () => Number((await collector.get('/v1/stats')).body.uptime_seconds)
  const askedAt = await uptime()
  await waitFor(async () => {
    const { status, body } = await collector.get('/ready')
    t.match({ status, body }, { status: 503, body: { reason: /No acknowledgement .*topic authorization failed/ } })
    return (await uptime()) > askedAt + 2
  }, 'two seconds')
  await kafka.broker.allow(user.name, 'Write', 'metrics-raw')
  await waitFor(async () => (await collector.post(batchOf(1))).status === 202, '202')
  await waitFor(async () => (await collector.get('/ready')).status === 200, '/ready')
})

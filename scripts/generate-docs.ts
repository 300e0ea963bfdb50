// Writes the pages of docs/ that say what the code says: npm run docs. A test holds the pages against this.

import { readFileSync, writeFileSync } from 'node:fs'
import { parseConfig } from '../lib/config/config.js'
import { describeLimits } from '../lib/config/describe.js'
import { configSchema, defaultOf, descriptionOf } from '../lib/config/schema.js'
import { variableOf } from '../lib/config/variables.js'
import { CollectorFigures } from '../lib/primary/collector-figures.js'
import { problems } from '../lib/shared/errors.js'
import type { CollectorStats } from '../lib/telemetry/collector-stats.js'
import { list } from '../lib/telemetry/exposition.js'
import { emptyHistogram } from '../lib/telemetry/histogram.js'
import { histograms, labelledCounters, labelSeparator, namesOf } from '../lib/telemetry/telemetry.js'
import { glossary } from '../lib/view/glossary.js'

/** The generated pages, by path. */
export const pages: Record<string, () => string> = {
  'docs/configuration.md': configurationPage,
  'docs/errors.md': errorsPage,
  'docs/glossary.md': glossaryPage,
  'docs/metrics.md': metricsPage,
}

function configurationPage(): string {
  const rows = Object.entries(configSchema.properties).map(([member, schema]) => {
    const value = defaultOf(schema)
    const shown = value === '' ? '' : `\`${value}\``
    return `| \`${variableOf(member)}\` | ${shown} | ${describeLimits(schema).replaceAll('|', '\\|')} | ${descriptionOf(schema)} |\n`
  })
  return `# How is the collector configured?

By environment variables. \`vantage-collector --help\` prints this list, \`vantage-collector --check-config\` checks what is set
without starting anything, and tries the journal's directory; run it as the service's user. With \`--connect\` it asks the brokers for the topic,
too, for 10 seconds at most. It ends with 2 where something has to be mended, and with 1 where the brokers do not take records. A wrong value ends the start with a line that names the variable, the value and what is allowed; a
variable with the prefix that nothing reads is a warning, and so is a wrong value of OpenTelemetry's (\`OTEL_\`), which are set for many
programs. White space around a value is no part of it; yes, on and 1 are true, no, off and 0 false. Outside production (\`VANTAGE_ENVIRONMENT\`), a \`.env\` file in the
working directory is read, too; the environment wins.

| variable | default | allowed | what it does |
| --- | --- | --- | --- |
${rows.join('')}
## Secrets

Each variable can be read from a file instead: \`VANTAGE_API_KEY_FILE=/run/secrets/key\` gives \`VANTAGE_API_KEY\` the content of
that file, without white space at its ends. Setting both is a mistake, unless the variable itself is empty. The workers read such
files again on SIGHUP. Values of secrets are never logged.

## Any librdkafka property

\`VANTAGE_KAFKA_PROPERTY_<NAME>\` sets the librdkafka property of that name, with \`_\` for its dots; see librdkafka's
[CONFIGURATION.md](https://github.com/confluentinc/librdkafka/blob/v2.12.0/CONFIGURATION.md). It wins over a setting of the
collector that means the same. For example:

\`\`\`sh
export VANTAGE_KAFKA_PROPERTY_SOCKET_TIMEOUT_MS=10000
export VANTAGE_KAFKA_PROPERTY_SSL_KEY_PASSWORD_FILE=/run/secrets/kafka-key-password
\`\`\`

TLS and logins have settings of their own: [security.md](security.md#kafka).

Properties that decide what a 202 means (\`acks\`, \`enable.idempotence\`, \`delivery.report.only.error\`) cannot be set this way.

The [glossary](glossary.md) says what each word means.
`
}

/** One of each, so that every figure has its labels. */
const stats = await exampleStats()

async function exampleStats(): Promise<CollectorStats> {
  const none = await new CollectorFigures({ dropped: 0 }).collect()
  const { ledger, counts, gauges, condition } = none
  const worker = {
    pid: 0,
    slot: 0,
    uptimeSeconds: 0,
    stale: false,
    kafka: { up: true, message: '' },
    journal: undefined,
  }
  const labelled = namesOf(labelledCounters).map((name) => {
    return [name, { [labelledCounters[name].labels.join(labelSeparator)]: 1 }] as const
  })
  const filled = namesOf(histograms).map((name) => [name, { route: emptyHistogram(histograms[name].bounds) }] as const)
  return {
    ...none,
    labelledCounts: { ...none.labelledCounts, ...Object.fromEntries(labelled) },
    histograms: { ...none.histograms, ...Object.fromEntries(filled) },
    workers: [{ ...worker, ledger, counts, gauges, condition }],
    cpuSeconds: [0],
    brokers: [{ name: 'broker', up: true, rttSeconds: 0 }],
    services: [['service', 1]],
  }
}

/** The alerts that ask for a figure, with the place of the runbook that says what to do. */
function alertsOn(name: string): string[] {
  const rules = readFileSync('deploy/prometheus/alerts.yaml', 'utf8')
    .split(/^ {6}- alert: /m)
    .slice(1)
  return rules.flatMap((rule) => {
    const [, alert = '', expression = '', anchor = ''] =
      /^(\w+)\n\s+expr: >-\n(.*?)\n\s+for:.*runbook\.md#([\w-]+)/s.exec(rule) ?? []
    const asks = new RegExp(`\\b${name}(?:_bucket)?\\b`).test(expression)
    return asks ? [`[${alert.replace('VantageCollector', '')}](runbook.md#${anchor})`] : []
  })
}

function metricsPage(): string {
  const rows = list(stats, parseConfig({}).config)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, help, labels }) => {
      const shown = labels.map((label) => `\`${label}\``).join(', ')
      return `| \`${name}\` | ${type} | ${shown} | ${help} | ${alertsOn(name).join(', ')} |\n`
    })
  return `# What does each figure mean?

All that \`GET /metrics\` tells, summed over the workers of a collector, and which [alert](runbook.md) looks at it: its link says what to
do. [Nine](operations.md#what-to-watch) are enough to know how a collector is. Counters keep what workers counted that have ended,
so that none falls before the collector itself is started again. A histogram has \`_bucket\`, \`_sum\` and \`_count\` behind its name.

| figure | type | labels | what it is | alert |
| --- | --- | --- | --- | --- |
${rows.join('')}
The [glossary](glossary.md) says what each word means.
`
}

function errorsPage(): string {
  const rows = Object.entries(problems).map(
    ([code, { status, retryable, title, remedy }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title} | ${remedy} |\n`,
  )
  return `# Which errors are there, and what should an agent do?

An error is answered as \`application/problem+json\` (RFC 9457) with \`type\`, \`title\`, \`status\`, \`detail\` and \`code\`; an answer to a
batch may add \`errors\` (the first 20), \`metrics_received\` and \`metrics_rejected\`.

**Retry on 429 and 5xx, after \`Retry-After\` seconds where it is given; drop on any other 4xx.** Nothing of a batch that was
answered 4xx or 5xx is delivered, with two exceptions. After \`VANTAGE_ACK_TIMEOUT\` the batch may still arrive, so that sending it
again may duplicate it. And [what comes late behind a body](#what-comes-behind-a-body) can take the place of the answer.

| code | status | retry | what it means | what to do |
| --- | --- | --- | --- | --- |
${rows.join('')}
## Answers that are not problem+json

Some requests uWebSockets.js refuses before the collector sees them: with a short page of HTML, no \`code\`, and \`Connection: close\`.
No figure of requests and no log has them. Sending them again does not help, not even after a 505: the sender has to change.

| status | what was sent | what to do |
| --- | --- | --- |
| 505 | HTTP/1.0; a target that is a whole URL, as for a forward proxy; \`OPTIONS *\`; trailers, or anything else that is no HTTP/1.1, behind a body | Send HTTP/1.1 and a path; a proxy in front [has to be told](../SECURITY.md#behind-a-proxy). |
| 431 | headers of more than 16 KiB, or more than 98 of them | Send fewer; cookies and the headers that gateways add are mostly why. |
| 400 | a body whose length cannot be told, such as a \`Content-Length\` that is no number, or chunks with extensions | Send one \`Content-Length\`, or plain chunks. |
| 400 | no \`Host\`, or two of them; a header that has no colon, a space before it, a continuation line, or a control character | Send headers as RFC 9112 has them. |

The last line is that of the newer [uWebSockets.js](decisions/uwebsockets.md). The older one, which Node 20 loads, and Node 22 on Debian 12, gives such a request no answer and closes its connection within 12 s; of two \`Host\` it takes the first. It may answer 505 to a
request line that comes in two packets. \`vantage-collector --version\` names the one that is loaded.

A request behind an empty line (RFC 9112 allows it, uWebSockets.js waits for more), and chunks of which only the last has an extension,
get no answer from either: their connection is closed within 12 s.

## What comes behind a body

uWebSockets.js answers what it cannot parse by itself, in place of the answer that the request before it waits for. So nothing of a
batch is delivered before all that came with the end of its body has been parsed: a 400 or 505 in HTML then says the truth, and so does a
connection that is closed because a second request came too early. Behind a body in chunks, and on a connection whose client asked for
\`Connection: close\`, nothing more is read until the batch has its answer, so that it is the batch's own, whatever follows.

What comes later behind a body with \`Content-Length\`, while Kafka is asked, cannot be kept apart: a second request, or the end of the
client's half of the connection, closes the connection without an answer, and what is no HTTP/1.1 is answered 400 or 505 in HTML. The
batch may be delivered all the same. Agents that wait for each answer before they send again, as HTTP clients do, never see this.

Trailers that a \`Trailer\` header declares are refused with \`VANTAGE_UNSUPPORTED_FRAMING\`, undeclared ones with the 505 above.

## Answers that come early

A batch can be answered before its body has been read: 401, 413, 415, 429, 503. Where the connection is to be closed behind the answer, the
collector sends it at once, reads what still comes for up to 10 s or 256 MiB, drops it, and closes then, so that also a client that
reads only when it has sent everything finds its answer.

The [glossary](glossary.md) says what each word means.
`
}

function glossaryPage(): string {
  const rows = glossary.map(({ word, meaning, not = [] }) => `| ${word} | ${meaning} | ${not.join(', ')} |\n`)
  return `# What do the words mean?

Each word means one thing, in the code, in \`/v1/stats\`, in the names of Prometheus, on the pages, in logs and in these pages.

| word | means | not |
| --- | --- | --- |
${rows.join('')}
The ledger balances: received + adopted = rejected + deferred + acknowledged + dead lettered + waiting + in memory + in flight + left +
abandoned + lost. \`ledger.difference\` of \`/v1/stats\` is 0.
`
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, page] of Object.entries(pages)) writeFileSync(path, page())
}

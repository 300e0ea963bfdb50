import { isWell } from '../telemetry/condition.js'
import type { Stats } from '../telemetry/stats-schema.js'
import { showCondition } from '../view/condition.js'
import type { Figures } from '../view/figures.js'
import { meaningOf } from '../view/glossary.js'
import { type LedgerEntry, readLedger } from '../view/ledger.js'
import { StatsWindow } from '../view/stats-window.js'
import { shortBytes, shortMs, shortNumber, shortSpan } from '../view/units.js'
import { Chart } from './chart.js'
import { bar, byId, element, emptyRow, number, pill, row, setText, term } from './dom.js'

const pollIntervalMs = 1000
const maxRanked = 10
const maxProblems = 15

const polls = new StatsWindow()

const throughput = new Chart(
  byId('throughput'),
  byId('throughput-legend'),
  [
    { label: 'received', tone: 'accent', fill: true },
    { label: 'accepted', tone: 'good' },
    { label: 'rejected', tone: 'warn' },
    { label: 'deferred', tone: 'bad' },
  ],
  (value) => shortNumber(value),
)
const latencies = new Chart(
  byId('latencies'),
  byId('latency-legend'),
  [
    { label: 'p50', tone: 'accent' },
    { label: 'p99', tone: 'violet', fill: true },
    { label: 'acknowledged, p99', tone: 'good' },
  ],
  (value) => `${value >= 10 ? Math.round(value) : Number(value.toFixed(2))} ms`,
)

explainWords()
void showConfiguration()
void poll()

/** Asks, shows, and asks again a second later, for as long as the page is open. */
async function poll(): Promise<void> {
  const startedAt = performance.now()
  try {
    const response = await fetch('/v1/stats', { signal: AbortSignal.timeout(5000) })
    if (!response.ok) throw new Error(`The collector answers ${response.status}`)
    show(await response.json())
  } catch (error) {
    showGone(
      error instanceof TypeError || error instanceof DOMException ? 'The collector does not answer' : String(error),
    )
  }
  setTimeout(poll, Math.max(0, pollIntervalMs - (performance.now() - startedAt)))
}

function show(stats: Stats): void {
  polls.add(stats, performance.now())
  showStatus(stats)
  showLedger(stats)
  showKafka(stats)
  showJournal(stats)
  showRejections(stats)
  showProblems(stats)
  const { momentary, steady } = polls
  if (momentary === undefined || steady === undefined) return
  showTiles(stats, momentary, steady)
  showCharts(momentary, steady)
  showWorkers(stats, steady)
  showServices(steady)
  showFormats(steady)
}

function showStatus(stats: Stats): void {
  const { service, environment, version, uptime_seconds } = stats
  const { state, word, notice } = showCondition(stats)
  setStatus(state, word)
  setNotice(notice, state)
  setText('service', service)
  setText('environment', environment)
  byId('environment').hidden = false
  setText('version', `Version ${version},`)
  setText('uptime', `up ${shortSpan(uptime_seconds)}.`)
  document.title = `${word} – ${service}`
}

function showGone(reason: string): void {
  setStatus('gone', 'No answer')
  setNotice(`${reason}. These are its last figures; the page keeps asking.`, 'gone')
  throughput.add(Date.now(), [])
  latencies.add(Date.now(), [])
}

/** Gives headings a tooltip with the meaning of their word. */
function explainWords(): void {
  for (const heading of document.querySelectorAll<HTMLElement>('[data-word]')) {
    heading.title = meaningOf(heading.dataset.word ?? '') ?? ''
  }
}

function setStatus(status: string, text: string): void {
  byId('status').dataset.status = status
  // Only when it changes, because a screen reader would repeat it.
  if (byId('status-text').textContent !== text) setText('status-text', text)
}

function setNotice(text: string, status: string): void {
  const notice = byId('notice')
  notice.hidden = text === ''
  notice.dataset.status = status
  if (notice.textContent !== text) notice.textContent = text
}

function showTiles({ ingestion, held }: Stats, now: Figures, { latency }: Figures): void {
  setText('received-rate', shortNumber(now.received))
  setText('received-sub', `${shortNumber(ingestion.metrics_received)} in all`)
  setText('accepted-rate', shortNumber(now.accepted))
  setText('accepted-sub', `${shortBytes(now.acknowledgedBytes)}/s to Kafka`)
  setText('latency', shortMs(latency.p99))
  setText('latency-sub', latency.p50 === undefined ? 'nothing to answer' : `${shortMs(latency.p50)} ms, p50`)
  setText('rejected-rate', shortNumber(now.rejected))
  setText('rejected-sub', `${shortNumber(ingestion.metrics_rejected)} in all`)
  byId('rejected-tile').dataset.alarm = now.rejected > 0 ? 'warn' : ''
  setText('problems-rate', shortNumber(now.problems))
  setText('problems-sub', `${shortNumber(ingestion.metrics_deferred)} metrics deferred`)
  byId('problems-tile').dataset.alarm = now.problems > 0 ? 'bad' : ''
  const [amount = '', unit = ''] = shortBytes(held.bytes).split(' ')
  setText('held', amount)
  setText('held-unit', unit)
  const used = held.limit_bytes === 0 ? 0 : (100 * held.bytes) / held.limit_bytes
  setText('held-sub', `${used.toFixed(used < 10 ? 1 : 0)} % of ${shortBytes(held.limit_bytes)}`)
}

function showCharts(now: Figures, { latency }: Figures): void {
  const at = Date.now()
  const ms = (seconds: number | undefined) => (seconds === undefined ? null : seconds * 1000)
  throughput.add(at, [now.received, now.accepted, now.rejected, now.deferred])
  latencies.add(at, [ms(latency.p50), ms(latency.p99), ms(latency.acknowledgeP99)])
}

const tones: Record<string, string> = {
  accepted: 'good',
  acknowledged: 'good',
  rejected: 'warn',
  deferred: 'bad',
  in_flight: 'accent',
  waiting: 'violet',
  in_memory: 'violet',
}

function showLedger({ ledger }: Stats): void {
  const { inflows, places, difference } = readLedger(ledger)
  const total = places.reduce((sum, { metrics }) => sum + metrics, 0)
  const verdict = byId('ledger-verdict')
  verdict.dataset.balanced = String(difference === 0)
  verdict.textContent = difference === 0 ? '✓ Balanced' : `Off by ${difference.toLocaleString('en')}`
  byId('ledger-bar').replaceChildren(
    ...places.map(({ name, metrics }) => {
      const part = element('i', `series-${tones[name] ?? 'quiet'}`)
      part.style.width = `${total === 0 ? 0 : (100 * metrics) / total}%`
      return part
    }),
  )
  byId('ledger').replaceChildren(
    ...inflows.map((entry) => ledgerTerm(entry, 'total')),
    ...places.map((entry) => ledgerTerm(entry, `series-${tones[entry.name] ?? 'quiet'}`)),
  )
}

function ledgerTerm({ word, metrics }: LedgerEntry, className: string): HTMLElement {
  const made = term(word, metrics.toLocaleString('en'))
  made.className = className
  made.title = meaningOf(word) ?? ''
  return made
}

function showWorkers({ workers, worker_restarts }: Stats, { workers: figures }: Figures): void {
  const total = [...figures.values()].reduce((sum, { rate }) => sum + rate, 0)
  setText('restarts', worker_restarts === 0 ? 'none was restarted' : `${worker_restarts} restarted`)
  byId('workers').replaceChildren(
    ...workers.map(({ pid, slot, stale, resident_memory_bytes, event_loop_lag_seconds }) => {
      const { rate = 0, cpu = 0 } = figures.get(pid) ?? {}
      const name = element('td')
      name.append(`${slot} `, element('span', 'sub', `pid ${pid}`))
      if (stale) name.append(' ', pill('late', 'warn'))
      const share = element('td', 'share')
      share.append(bar(total === 0 ? 0 : rate / total))
      return row(
        name,
        share,
        number(shortNumber(rate)),
        number(`${Math.round(100 * cpu)} %`),
        number(shortBytes(resident_memory_bytes)),
        number(`${shortMs(event_loop_lag_seconds)} ms`),
      )
    }),
  )
}

function showKafka({ kafka, workers }: Stats): void {
  const away = workers.find((worker) => !worker.kafka.up)
  setText('kafka-message', away?.kafka.message ?? workers[0]?.kafka.message ?? '')
  const rows = kafka.brokers.map(({ name, up, rtt_seconds, errors }) => {
    const state = element('td')
    state.append(pill(up ? 'up' : 'down', up ? 'good' : 'bad'))
    const trip = rtt_seconds === 0 ? '–' : `${shortMs(rtt_seconds)} ms`
    return row(element('td', '', name), state, number(trip), number(errors.toLocaleString('en')))
  })
  byId('brokers').replaceChildren(...(rows.length > 0 ? rows : [emptyRow('No broker has been found yet', 4)]))
  byId('kafka-facts').replaceChildren(
    term('Records', shortNumber(kafka.records_acknowledged)),
    term('Failures', shortNumber(kafka.records_failed)),
    term('Late', shortNumber(kafka.metrics_late)),
  )
}

function showJournal({ journal, workers }: Stats): void {
  const states = workers.flatMap((worker) => worker.journal ?? [])
  const fault = states.find((journal) => !isWell(journal))
  const { metrics_waiting, batches_waiting, bytes, oldest_age_seconds, metrics_journaled, metrics_replayed } = journal
  const oldest = metrics_waiting === 0 ? 'nothing waits' : `the oldest for ${shortSpan(oldest_age_seconds)}`
  setText('journal-message', states.length === 0 ? 'there is none' : (fault?.message ?? oldest))
  byId('journal').replaceChildren(
    term('Waiting metrics', shortNumber(metrics_waiting)),
    term('In batches', shortNumber(batches_waiting)),
    term('On disk', shortBytes(bytes)),
    term('Journaled', shortNumber(metrics_journaled)),
    term('Replayed', shortNumber(metrics_replayed)),
  )
}

function showServices({ services }: Figures): void {
  const busy = services.filter(({ rate }) => rate > 0)
  const ranked = busy.slice(0, maxRanked).map(({ service, rate }) => ({ name: service, value: rate }))
  showRanking('services', ranked, 'Nothing is coming in')
}

function showFormats({ formats }: Figures): void {
  const ranked = formats.map(({ format, rate }) => ({ name: format, value: rate })).sort((a, b) => b.value - a.value)
  showRanking('formats', ranked, 'Nothing has come in')
}

function showRejections({ ingestion }: Stats): void {
  const reasons = Object.entries(ingestion.rejections).map(([name, value]) => ({ name, value }))
  const ranked = reasons.sort((a, b) => b.value - a.value).slice(0, maxRanked)
  byId('rejections').classList.add('reasons')
  showRanking('rejections', ranked, 'Nothing was rejected')
}

function showRanking(id: string, entries: { name: string; value: number }[], none: string): void {
  const most = Math.max(...entries.map(({ value }) => value)) || 1
  const shown = entries.map(({ name, value }) => {
    const entry = element('li')
    entry.append(element('span', 'name', name), element('b', '', shortNumber(value)), bar(value / most))
    return entry
  })
  byId(id).replaceChildren(...(shown.length > 0 ? shown : [element('li', 'empty', none)]))
}

function showProblems({ recent_problems }: Stats): void {
  const rows = recent_problems.slice(0, maxProblems).map(({ at, route, status, reason, rejections }) => {
    const reasons = Object.entries(rejections).map(([name, count]) => `${name} × ${count.toLocaleString('en')}`)
    const text = element('td', '', reason)
    if (reasons.length > 0) text.append(' ', element('span', 'sub', reasons.join(', ')))
    const tone = status >= 500 ? 'bad' : 'warn'
    const state = element('td', 'number')
    state.append(pill(String(status), tone))
    return row(element('td', '', new Date(at).toLocaleTimeString('en-GB')), element('td', '', route), state, text)
  })
  byId('recent-problems').replaceChildren(...(rows.length > 0 ? rows : [emptyRow('No problem so far', 4)]))
}

async function showConfiguration(): Promise<void> {
  try {
    const settings: Record<string, unknown> = await (await fetch('/v1/config')).json()
    byId('configuration').replaceChildren(
      ...Object.entries(settings).map(([name, value]) => term(name, value === '' ? 'none' : String(value))),
    )
  } catch (error) {
    setText('configuration', `It could not be loaded: ${error}`)
  }
}

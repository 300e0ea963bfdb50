import type { Test } from 'tap'
import type { Line } from '../../lib/commands/top/cells.js'
import { heading, noticeOf } from '../../lib/commands/top/sections.js'
import type { Condition } from '../../lib/telemetry/condition.js'
import { showCondition } from '../../lib/view/condition.js'
import type { Collector } from '../../tools/collector.js'

const healthOf = { operational: 'healthy', degraded: 'degraded', unavailable: 'unhealthy', draining: 'unhealthy' }

/** Asks a collector of one worker in every way how it is. All have to agree, on what is returned. */
export async function agreedCondition(t: Test, collector: Collector): Promise<Condition> {
  const [service, health, ready, stats, figures] = await Promise.all([
    collector.get('/'),
    collector.get('/health'),
    collector.get('/ready'),
    collector.stats(),
    collector.get('/metrics'),
  ])
  const { status: state, reason } = stats
  const isReady = state === 'operational' || state === 'degraded'
  t.equal(service.body.status, state, `GET / says ${state}`)
  t.equal(health.body.status, healthOf[state], `/health says ${healthOf[state]}`)
  t.equal(health.status, isReady ? 200 : 503)
  t.match(ready, isReady ? { status: 200 } : { status: 503, body: { reason } })
  t.equal(gaugeIn(figures.text, 'ready'), Number(isReady))
  t.equal(gaugeIn(figures.text, 'degraded'), Number(state === 'degraded'))
  t.equal(reason === '', state === 'operational', `a reason, unless all is well: ${reason}`)
  const { word, notice } = showCondition(stats)
  t.equal(word.toLowerCase(), state)
  const seen = { stats, momentary: undefined, steady: undefined }
  t.match(textOf(heading(seen, 80)), new RegExp(`● ${word}$`))
  t.equal(textOf(noticeOf(seen)), notice)
  t.ok(state === 'draining' || notice.endsWith(reason), notice)
  return { state, reason }
}

function textOf(line: Line): string {
  return line.map(({ text }) => text).join('')
}

function gaugeIn(text: string, name: string): number {
  const line = text.split('\n').find((line) => line.startsWith(`vantage_collector_${name} `))
  return Number(line?.split(' ')[1])
}

import { type EChartsCoreOption, init } from 'echarts'
import { nameOf } from './report.js'
import type { RunResult } from './run.js'
import type { Sample } from './sampler.js'

const widthPx = 1200
const leftPx = 190
const rightPx = 150
const panelPx = 110
const gapPx = 48
const firstTopPx = 64
const rowPx = 16

const fault = '#d9480f'
const green = '#2b8a3e'
const blue = '#1971c2'
const red = '#c92a2a'
const grey = '#868e96'

type Line = { name: string; color: string; area: boolean; points: [number, number | null][] }
type Panel = { title: string; lines: Line[] }

/** The run over time as an SVG: the faults, what agents were answered, what lay in the journal, and memory. */
export function drawTimeline(result: RunResult): string {
  const panels = panelsOf(result)
  const faultsPx = rowPx * Math.max(1, namesOf(result).length)
  const height = firstTopPx + faultsPx + panels.length * (gapPx + panelPx) + gapPx
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: widthPx, height })
  chart.setOption(timeline(result, panels, faultsPx))
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function panelsOf({ samples }: RunResult): Panel[] {
  const line = (name: string, color: string, amount: (sample: Sample) => number | undefined, area = false) => ({
    ...{ name, color, area },
    points: samples.map((sample): [number, number | null] => [sample.atS, amount(sample) ?? null]),
  })
  return [
    {
      title: 'Metrics a second answered 202, by durability',
      lines: [line('kafka', green, ({ kafka }) => kafka, true), line('journal', blue, ({ journal }) => journal, true)],
    },
    {
      title: 'Answers 503, and connections that broke, a second',
      lines: [line('503', red, ({ unavailable }) => unavailable), line('broken', grey, ({ lost }) => lost)],
    },
    {
      title: 'Metrics in the journal, in thousands',
      lines: [line('journal', blue, ({ collector }) => collector && collector.journalMetrics / 1000, true)],
    },
    {
      title: 'Memory of all workers, MiB',
      lines: [line('memory', grey, ({ collector }) => collector?.workersMiB)],
    },
  ]
}

function timeline(result: RunResult, panels: readonly Panel[], faultsPx: number): EChartsCoreOption {
  const { seed, samples, comparison } = result
  const topOf = (panel: number) => firstTopPx + faultsPx + gapPx + panel * (panelPx + gapPx)
  const endS = Math.ceil(samples.at(-1)?.atS ?? 1)
  const grid = { left: leftPx, right: rightPx }
  const text = `Seed ${seed}: ${comparison.missing} of ${comparison.answered202.toLocaleString('en')} metrics answered 202 are missing`
  const heading = (title: string, topPx: number) => ({
    text: title,
    left: leftPx,
    top: topPx - 24,
    textStyle: { fontSize: 12 },
  })
  return {
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      { text, left: 16, top: 8, textStyle: { fontSize: 16 } },
      heading('Faults: dark until they end, light until all is healed', firstTopPx),
      ...panels.map(({ title }, n) => heading(title, topOf(n))),
    ],
    grid: [
      { ...grid, top: firstTopPx, height: faultsPx },
      ...panels.map((_, n) => ({ ...grid, top: topOf(n), height: panelPx })),
    ],
    xAxis: [-1, ...panels.keys()].map((panel, gridIndex) => ({
      ...{ type: 'value', gridIndex, min: 0, max: endS, splitLine: { show: panel === -1 } },
      axisLabel: { formatter: '{value} s', show: panel === panels.length - 1 },
    })),
    yAxis: [
      {
        ...{ type: 'category', gridIndex: 0, inverse: true, data: namesOf(result) },
        ...{ axisTick: { show: false }, axisLabel: { interval: 0, fontSize: 11 } },
      },
      ...panels.map((_, n) => ({ type: 'value', gridIndex: n + 1, splitNumber: 3, min: 0 })),
    ],
    series: [faultBars(result), ...panels.flatMap((panel, n) => panelSeries(panel, n + 1, result))],
    graphic: panels.flatMap((panel, n) => legend(panel, topOf(n))),
  }
}

/** A row for each fault, with a bar for each time that it struck. */
function faultBars(result: RunResult) {
  const { events } = result
  const names = namesOf(result)
  const bar = (from: number, to: number, row: number, opacity: number) => [from, to, row, opacity]
  return {
    type: 'custom',
    xAxisIndex: 0,
    yAxisIndex: 0,
    data: events.flatMap((event) => {
      const { fromS, liftedS = fromS, healedS = liftedS } = event
      const row = names.indexOf(nameOf(event))
      return [bar(fromS, liftedS, row, 1), bar(liftedS, healedS, row, 0.3)]
    }),
    renderItem: (_: unknown, api: BarApi) => {
      const [x = 0, y = 0] = api.coord([api.value(0), api.value(2)])
      const [end = 0] = api.coord([api.value(1), api.value(2)])
      const shape = { x, y: y - rowPx / 2 + 2, width: Math.max(1, end - x), height: rowPx - 4 }
      return { type: 'rect', shape, style: { fill: fault, opacity: api.value(3) } }
    },
  }
}

/** What echarts hands to a custom series of these. */
type BarApi = {
  value: (dimension: number) => number
  coord: (point: number[]) => number[]
}

function panelSeries({ lines }: Panel, index: number, { events }: RunResult) {
  const during = events.map(({ fromS, liftedS = fromS }) => [{ xAxis: fromS }, { xAxis: liftedS }])
  return lines.map(({ name, color, area, points }, n) => ({
    ...{ type: 'line', name, data: points, xAxisIndex: index, yAxisIndex: index, symbol: 'none' },
    lineStyle: { color, width: area ? 0 : 1.2 },
    ...(area && { stack: String(index), areaStyle: { color, opacity: 0.5 } }),
    ...(n === 0 && { markArea: { silent: true, itemStyle: { color: fault, opacity: 0.1 }, data: during } }),
  }))
}

/** Beside its panel, so that nobody has to look for it. */
function legend({ lines }: Panel, topPx: number) {
  return lines.map(({ name, color }, n) => ({
    type: 'text',
    right: 16,
    left: widthPx - rightPx + 12,
    top: topPx + 16 * n,
    style: { text: `● ${name}`, fill: color, fontSize: 12 },
  }))
}

/** In the order in which they first struck. */
function namesOf({ events }: RunResult): string[] {
  return [...new Set(events.map(nameOf))]
}

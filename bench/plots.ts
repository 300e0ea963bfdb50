import { init } from 'echarts'
import type { Plot } from './subject.js'

const width = 900
const height = 480
/** More points make a line by themselves. */
const mostSymbols = 50

/** Draws a plot as SVG text. */
export function drawPlot({ title, x, y, scale, series }: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 'center', top: 8, textStyle: { fontSize: 16 } },
    legend: { bottom: 8 },
    grid: { left: 80, right: 40, top: 56, bottom: 80 },
    xAxis: {
      type: scale.x,
      name: x,
      nameLocation: 'middle',
      nameGap: 28,
      ...(scale.x === 'category' && { data: series[0]?.points.map(([name]) => name) ?? [], boundaryGap: false }),
    },
    yAxis: { type: scale.y, name: y, axisLabel: { formatter: compact } },
    series: series.map(({ name, points }) => ({
      type: 'line',
      name,
      data: points,
      symbolSize: 6,
      showSymbol: points.length <= mostSymbols,
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** 250000 is "250 k". */
function compact(value: number): string {
  if (value >= 1e6) return `${value / 1e6} M`
  return value >= 1e3 ? `${value / 1e3} k` : String(value)
}

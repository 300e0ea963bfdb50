import type uPlotType from 'uplot'

/** Loaded by a script of its own before this one. */
declare const uPlot: typeof uPlotType

export type Series = { label: string; tone: 'accent' | 'good' | 'warn' | 'bad' | 'violet'; fill?: boolean }

const secondsShown = 300
/** A page that was just opened shows at least this much. */
const secondsAtFirst = 60

/** A line chart of the last five minutes. Its colors are those of the style sheet. */
export class Chart {
  readonly #element: HTMLElement
  readonly #legend: HTMLElement
  readonly #series: Series[]
  readonly #format: (value: number) => string
  readonly #times: number[] = []
  readonly #values: (number | null)[][]
  #plot: uPlotType

  constructor(element: HTMLElement, legend: HTMLElement, series: Series[], format: (value: number) => string) {
    this.#element = element
    this.#legend = legend
    this.#series = series
    this.#format = format
    this.#values = series.map(() => [])
    this.#plot = this.#draw()
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(element)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#plot.destroy()
      this.#plot = this.#draw()
    })
  }

  /** @param values one a series; null leaves a gap */
  add(timeMs: number, values: (number | null)[]): void {
    this.#times.push(timeMs / 1000)
    for (const [index, points] of this.#values.entries()) points.push(values[index] ?? null)
    while ((this.#times[0] ?? 0) < timeMs / 1000 - secondsShown) {
      this.#times.shift()
      for (const points of this.#values) points.shift()
    }
    this.#plot.setData(this.#data())
    const shown = this.#series.map(({ label, tone }, index) => {
      const value = values[index]
      const entry = document.createElement('span')
      entry.className = `series-${tone}`
      const figure = document.createElement('b')
      figure.textContent = value === null || value === undefined ? '–' : this.#format(value)
      entry.append(`${label} `, figure)
      return entry
    })
    this.#legend.replaceChildren(...shown)
    this.#element.setAttribute('aria-label', `Now: ${this.#legend.textContent}`)
  }

  #data(): uPlotType.AlignedData {
    return [this.#times, ...this.#values]
  }

  #size(): { width: number; height: number } {
    return { width: this.#element.clientWidth, height: this.#element.clientHeight }
  }

  #draw(): uPlotType {
    const style = getComputedStyle(document.documentElement)
    const color = (name: string) => style.getPropertyValue(`--${name}`).trim()
    const axis = { stroke: color('quiet'), grid: { stroke: color('line'), width: 1 }, ticks: { show: false } }
    const font = '12px system-ui, sans-serif'
    return new uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 4, 0, 0],
        scales: {
          x: { range: (_, min, max) => [Math.min(min, max - secondsAtFirst), max] },
          y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] },
        },
        axes: [
          { ...axis, font, grid: { show: false }, space: 80, size: 28, values: (_, ticks) => ticks.map(clock) },
          { ...axis, font, size: 58, values: (_, ticks) => ticks.map((tick) => this.#format(tick)) },
        ],
        series: [
          {},
          ...this.#series.map(({ label, tone, fill }) => ({
            label,
            stroke: color(tone),
            width: 2,
            points: { show: false },
            ...(fill === true && { fill: `${color(tone)}1f` }),
          })),
        ],
      },
      this.#data(),
      this.#element,
    )
  }
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB')
}

import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import Kafka from 'node-rdkafka'
import { version } from '../lib/shared/version.js'
import { drawPlot } from './plots.js'
import { median } from './statistics.js'
import type { Figure, Findings } from './subject.js'

/** All that a bench found, and where: the content of result.json. */
export type BenchResult = {
  date: string
  commit: string
  machine: { cpu: string; cpus: number; memoryGiB: number; kernel: string }
  versions: { collector: string; node: string; librdkafka: string }
  kafka: string
  configuration: { quick: boolean; runs: number; seconds: number }
  subjects: Record<string, Findings>
}

export function describeMachine(): Pick<BenchResult, 'date' | 'commit' | 'machine' | 'versions'> {
  const [first] = cpus()
  return {
    date: new Date().toISOString(),
    commit: currentCommit(),
    machine: {
      cpu: first?.model ?? 'unknown',
      cpus: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
    },
    versions: { collector: version, node: process.version, librdkafka: Kafka.librdkafkaVersion },
  }
}

/** With a plus where files differ from it. */
function currentCommit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim()
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+')
  } catch {
    // An archive, or no git.
    return 'unknown'
  }
}

/** Writes result.json, result.md and an SVG for each plot. */
export async function writeResult(directory: string, result: BenchResult): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
  const sections: string[] = []
  for (const [subject, { figures, plots, notes }] of Object.entries(result.subjects)) {
    const images: string[] = []
    for (const [n, plot] of plots.entries()) {
      const file = `${subject}-${n + 1}.svg`
      await writeFile(join(directory, file), drawPlot(plot))
      images.push(`![${plot.title}](${file})\n`)
    }
    const list = notes.map((note) => `- ${note}\n`).join('')
    sections.push([`## ${subject}\n`, tableOf(figures), list, ...images].filter((part) => part !== '').join('\n'))
  }
  await writeFile(join(directory, 'result.md'), `${headOf(result)}\n${sections.join('\n')}`)
}

function headOf({ date, commit, machine, versions, kafka, configuration }: BenchResult): string {
  const { runs, seconds } = configuration
  return `# Bench of ${date.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}

${machine.cpus} x ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}; Node ${versions.node}, librdkafka ${versions.librdkafka}; ${kafka}.
Load generator, collector and broker share the machine. ${runs} runs of ${seconds} s each: median, and from the lowest to the highest.
`
}

function tableOf(figures: readonly Figure[]): string {
  if (figures.length === 0) return ''
  const rows = figures.map(({ name, unit, samples }) => {
    const spread = `${shown(Math.min(...samples))} to ${shown(Math.max(...samples))}`
    return `| ${name} | ${shown(median(samples))} ${unit} | ${spread} |\n`
  })
  return `| what | median | spread |\n| --- | ---: | --- |\n${rows.join('')}`
}

function shown(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

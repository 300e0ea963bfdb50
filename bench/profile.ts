import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What V8's sampling profiler writes with --cpu-prof. */
type CpuProfile = {
  nodes: { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

type Frame = CpuProfile['nodes'][number]['callFrame']

const scan = 'judge: scan'

/**
 * The stages of a batch as its trace names them (lib/ingest/request-trace.ts), decoding in its parts, and what betrays them in a
 * stack: looked for from the innermost frame outwards.
 */
const stages: [stage: string, isOfStage: (frame: Frame) => boolean][] = [
  ['read', ({ url }) => url.endsWith('/http/request-body.js')],
  ['inflate', ({ url }) => url.endsWith('/ingest/inflate.js')],
  [scan, ({ url }) => url.endsWith('/vantage/scan.js')],
  ['make records', ({ url }) => /\/(vantage\/records|ingest\/layout|ingest\/keys)\.js$/.test(url)],
  ['answer', ({ url }) => /\/(http\/exchange|vantage\/respond)\.js$/.test(url)],
  ['judge: parse', ({ url }) => url.includes('/ingest/formats/vantage/')],
  ['deliver', ({ url }) => url.includes('/lib/delivery/')],
  ['garbage collection', ({ functionName }) => functionName === '(garbage collector)'],
  ['outside JavaScript: sockets, HTTP', ({ functionName }) => functionName === '(program)'],
]

const idle = '(idle)'

/** Runs what writes profiles into the directory that it is given, and sums up their microseconds by stage. */
export async function profileStages(run: (nodeArgs: string[]) => Promise<void>): Promise<Map<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), 'vantage-profile-'))
  try {
    await run(['--cpu-prof', `--cpu-prof-dir=${directory}`])
    const sums = new Map<string, number>()
    for (const name of await readdir(directory)) {
      add(sums, JSON.parse(await readFile(join(directory, name), 'utf8')))
    }
    return sums
  } finally {
    await rm(directory, { recursive: true })
  }
}

function add(sums: Map<string, number>, { nodes, samples, timeDeltas }: CpuProfile): void {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])))
  const known = new Map<number, string>()
  let started = false
  for (const [i, node] of samples.entries()) {
    const stage = known.get(node) ?? stageOf(node, frames, parents)
    known.set(node, stage)
    // Before the first batch is the start of the process, which would count as the cost of metrics.
    started ||= stage === scan
    if (started && stage !== idle) sums.set(stage, (sums.get(stage) ?? 0) + (timeDeltas[i] ?? 0))
  }
}

function stageOf(node: number, frames: Map<number, Frame>, parents: Map<number, number>): string {
  for (let at: number | undefined = node; at !== undefined; at = parents.get(at)) {
    const frame = frames.get(at)
    if (frame?.functionName === idle) return idle
    const found = frame && stages.find(([, isOfStage]) => isOfStage(frame))
    if (found !== undefined) return found[0]
  }
  return 'other'
}

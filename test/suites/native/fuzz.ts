// Are the readers of bodies in C right, and within their memory whatever comes? By libFuzzer, which clang brings.
// npm run fuzz:native -- [--seconds 60] [--seed N] [--target scan | otlp | snappy | remote-write | influx]

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile, folder } from './compile.js'
import type { Target } from './fuzz-target.js'
import { influxTarget } from './influx-target.js'
import { otlpTarget } from './otlp-target.js'
import { remoteWriteTarget } from './remote-write-target.js'
import { scanTarget } from './scan-target.js'
import { snappyTarget } from './snappy-target.js'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    target: { type: 'string', default: '' },
  },
})
const shownLines = 80
mkdirSync(folder, { recursive: true })
const all = [scanTarget(), otlpTarget(), snappyTarget(), remoteWriteTarget(), influxTarget()]
const targets = all.filter(({ name }) => flags.target === '' || flags.target === name)
const good = targets.map((target) => run(target))
process.exit(good.length > 0 && good.every(Boolean) ? 0 : 1)

/** Whether nothing was found, and enough was judged to say so. */
function run({ name, longest, sources, seeds, words, judge }: Target): boolean {
  const directories = ['seeds', 'corpus'].map((kind) => join(folder, `${name}-${kind}`))
  for (const directory of directories) {
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true })
  }
  const [seedsIn = '', corpus = ''] = directories
  const dictionary = join(folder, `${name}-dictionary`)
  writeFileSync(dictionary, words.map(wordInDictionary).join('\n'))
  for (const [n, body] of seeds.entries()) writeFileSync(join(seedsIn, String(n)), body)
  const program = compile(`${name}-fuzz`, 'fuzzer,address,undefined', sources, [`-I${folder}`])
  console.log(`fuzz: ${name}, ${flags.seconds} s, seed ${flags.seed}`)
  const options = [`-max_total_time=${flags.seconds}`, `-seed=${flags.seed}`, `-max_len=${longest}`, '-verbosity=0']
  const { status, stdout, stderr } = spawnSync(
    program,
    [...options, `-dict=${dictionary}`, `-artifact_prefix=${folder}/${name}-`, '-print_final_stats=1', corpus, seedsIn],
    { encoding: 'utf8', maxBuffer: Infinity, env: { ...process.env, JUDGE: judge } },
  )
  const [units] = /^stat::number_of_executed_units: +\d+/m.exec(stderr) ?? []
  console.log(`${units}\n${stdout.trim()}`)
  if (status !== 0) console.log(stderr.split('\n').slice(-shownLines).join('\n'))
  const judged = Number.parseInt(stdout, 10)
  const isEnough = judged > seeds.length
  if (!isEnough) console.log('FINDING hardly a body was judged')
  return status === 0 && isEnough
}

function wordInDictionary(word: Buffer): string {
  return `"${[...word].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`
}

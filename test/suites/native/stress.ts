// Does the producer of lib/delivery/native settle each batch once, without a race and within its memory?
// npm run stress:native -- [--seconds 60] [--seed N]

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from './compile.js'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
})
const sources = [
  'test/suites/native/producer-stress.c',
  'test/suites/native/c11-threads.c',
  'lib/delivery/native/producer.c',
]
/** The librdkafka that node-rdkafka has compiled, which the addon loads, too. */
const librdkafka = join(dirname(createRequire(import.meta.url).resolve('node-rdkafka/package.json')), 'build/deps')
const libraries = ['-isystem', join(librdkafka, 'include'), `-L${librdkafka}`, '-lrdkafka', `-Wl,-rpath,${librdkafka}`]
const options = {
  ...process.env,
  TSAN_OPTIONS: 'halt_on_error=1:suppressions=test/suites/native/tsan.supp',
  ASAN_OPTIONS: 'detect_leaks=1',
}

const sanitizers = ['address,undefined', 'thread']
const seconds = String(Number(flags.seconds) / sanitizers.length)
let failed = false
for (const sanitizer of sanitizers) {
  console.log(`stress: ${sanitizer} sanitizer, ${seconds} s, seed ${flags.seed}`)
  const program = compile('producer-stress', sanitizer, sources, libraries)
  const { status, signal } = spawnSync(program, [seconds, flags.seed], { stdio: 'inherit', env: options })
  if (status === 0) continue
  console.log(`FINDING it ended with ${signal ?? status}`)
  failed = true
}
process.exit(failed ? 1 : 0)

// The hostile suite, with addons that the address sanitizer watches: npm run hostile:sanitized

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { folder } from './compile.js'

/** A copy of the package beside it, so that its own addons stay as they are. */
const copy = join(folder, 'sanitized')
const sanitizer = '-fsanitize=address,undefined -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer -g'
/** A worker that the sanitizer ends is replaced, so what it says is looked for in a file. */
const report = join(copy, 'report')

rmSync(copy, { recursive: true, force: true, maxRetries: 5 })
mkdirSync(copy, { recursive: true })
for (const path of ['.taprc', '.tap', 'binding.gyp', 'dist', 'lib', 'package.json', 'scripts'])
  cpSync(path, join(copy, path), { recursive: true })
symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
const compiler = { CFLAGS: sanitizer, LDFLAGS: sanitizer }
execFileSync('npm', ['run', '--silent', 'install'], {
  cwd: copy,
  env: { ...process.env, ...compiler },
  stdio: ['ignore', 'ignore', 'inherit'],
})

const library = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
/** Without those that judge by programs of others, which do not start with a sanitizer. */
const suites = ['bodies', 'http'].map((name) => `dist/test/suites/hostile/${name}.test.js`)
/** Inflating is zlib's work, and takes minutes with a sanitizer. */
const allButBombs = ['--invert', '--grep=gzip bomb', '--filter-quietly']
const { status } = spawnSync(
  'npx',
  ['tap', '--disable-coverage', ...allButBombs, '--timeout=600', ...process.argv.slice(2), ...suites],
  {
    cwd: copy,
    stdio: 'inherit',
    env: {
      ...process.env,
      LD_PRELOAD: library,
      // Undefined behaviour is an illegal instruction. Node frees nothing at its end, and the suite measures memory.
      ASAN_OPTIONS: `handle_sigill=1:detect_leaks=0:quarantine_size_mb=8:log_path=${report}`,
    },
  },
)
const found = readdirSync(copy).filter((name) => name.startsWith('report.'))
for (const name of found) console.log(readFileSync(join(copy, name), 'utf8'))
process.exit(found.length > 0 ? 1 : (status ?? 1))

// Runs a suite of test/suites: npm run suite -- NAME [options of tap]. Every folder with a *.test.ts is one.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runTap } from './tap.js'

const root = 'test/suites'
const [name, ...options] = process.argv.slice(2)

if (name === undefined || !suites().includes(name)) {
  process.stderr.write(`npm run suite -- NAME, where NAME is one of ${suites().join(', ')}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await runTap(testsOf(name), ['--disable-coverage', '--timeout=2400', ...options])
}

function suites(): string[] {
  return readdirSync(root).filter((folder) => testsOf(folder).length > 0)
}

function testsOf(suite: string): string[] {
  const names = readdirSync(join(root, suite), { recursive: true, encoding: 'utf8' })
  return names.filter((path) => path.endsWith('.test.ts')).map((path) => join(root, suite, path))
}

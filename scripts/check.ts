// Runs the unit tests that start no process. npm run check does this after lint and types: in a minute, after each change.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTap } from './tap.js'

const root = 'test/unit'
/** Modules that start a process for a test. */
const starters =
  /\/(collector|run-command|run-program|mock-kafka|terminal|load|browser|kafka[\w-]*)\.js'|node:child_process'/

const tests = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => join(root, path))
  .filter((path) => !starters.test(readFileSync(path, 'utf8')))

process.exitCode = await runTap(tests, ['--disable-coverage', '--reporter=terse', ...process.argv.slice(2)])

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const tap = join('node_modules', '.bin', 'tap')

/** Runs these tests (test/....ts), as they were compiled, and resolves with the exit code. */
export async function runTap(tests: readonly string[], options: readonly string[]): Promise<number> {
  spawnSync(tap, ['build'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const compiled = tests.map((path) => join('dist', path.replace(/\.ts$/, '.js')))
  const child = spawn(tap, [...options, ...compiled], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  return code ?? 1
}

import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Where what is compiled here is kept. */
export const folder = resolve('.cache/native')

const warnings = ['-Wall', '-Wextra', '-Werror']
const common = ['-std=gnu11', '-O1', '-g', '-fno-omit-frame-pointer', '-fno-sanitize-recover=undefined', ...warnings]

/**
 * Compiles a program of this folder with parts of the addons, by clang.
 *
 * @param sanitizers what -fsanitize is given
 * @returns its path
 */
export function compile(name: string, sanitizers: string, sources: readonly string[], flags: readonly string[] = []) {
  mkdirSync(folder, { recursive: true })
  const program = join(folder, `${name}-${sanitizers.replaceAll(',', '-')}`)
  execFileSync('clang', [...common, `-fsanitize=${sanitizers}`, ...sources, ...flags, '-o', program], {
    stdio: 'inherit',
  })
  return program
}

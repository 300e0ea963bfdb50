import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

/** Where what is compiled here is kept. */
export const folder = resolve('.cache/native')

const warnings = ['-Wall', '-Wextra', '-Werror']
const common = ['-O1', '-g', '-fno-omit-frame-pointer', '-fno-sanitize-recover=undefined', ...warnings]

/**
 * Compiles a program of this folder with parts of the addons, by clang.
 *
 * @param sanitizers what -fsanitize is given
 * @returns its path
 */
export function compile(name: string, sanitizers: string, sources: readonly string[], flags: readonly string[] = []) {
  mkdirSync(folder, { recursive: true })
  const program = join(folder, `${name}-${sanitizers.replaceAll(',', '-')}`)
  const sanitize = `-fsanitize=${sanitizers}`
  const objects = sources
    .filter((source) => source.endsWith('.cc'))
    .map((source) => {
      const object = join(folder, `${basename(source)}.o`)
      execFileSync('clang++', ['-std=gnu++17', ...common, sanitize, '-c', source, '-o', object], { stdio: 'inherit' })
      return object
    })
  const inC = sources.filter((source) => source.endsWith('.c'))
  const libraries = objects.length === 0 ? [] : ['-lstdc++', '-lm']
  execFileSync(
    'clang',
    ['-std=gnu11', ...common, sanitize, ...inC, ...flags, ...objects, ...libraries, '-o', program],
    {
      stdio: 'inherit',
    },
  )
  return program
}

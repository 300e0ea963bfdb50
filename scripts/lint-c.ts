// Compiles the C of the addons with every warning an error, and holds it against .clang-format: npm run lint:c
//
// Not part of the installation, where a compiler newer than ours may warn of more. clang-format is the one that .ci/run
// installs, since each version formats a little differently; without it, only the compiler looks.

import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const clangFormat = '.cache/tools/bin/clang-format'
const warnings = ['-Wall', '-Wextra', '-Werror', '-Wconversion']
const headers = [nodeHeaders(), 'node_modules/node-rdkafka/build/deps/include']

const files = execFileSync('git', ['ls-files', '*.c', '*.cc', '*.h'], { encoding: 'utf8' }).trim().split('\n')
const sources = files.filter((file) => file.startsWith('lib/') && !file.endsWith('.h'))

const complaints = [...(await compileAll()), ...(await format())]
for (const complaint of complaints) console.error(complaint)
process.exitCode = complaints.length > 0 ? 1 : 0

/** What node-gyp compiles the addons against, as it noted at the installation. */
function nodeHeaders(): string {
  const [, folder = ''] = /"nodedir": "([^"]+)"/.exec(readFileSync('build/config.gypi', 'utf8')) ?? []
  return join(folder, 'include/node')
}

async function compileAll(): Promise<string[]> {
  const left = [...sources]
  const complaints: string[] = []
  const lane = async () => {
    for (let file = left.pop(); file !== undefined; file = left.pop()) complaints.push(...(await compile(file)))
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  return complaints
}

function compile(file: string): Promise<string[]> {
  const [compiler, standard] = file.endsWith('.cc') ? ['c++', 'gnu++17'] : ['cc', 'gnu11']
  const includes = headers.flatMap((folder) => ['-isystem', folder])
  // Optimised, because the compiler sees what is used before it is set only then.
  return complaintsOf(compiler, [`-std=${standard}`, '-O1', '-c', '-o', '/dev/null', ...warnings, ...includes, file])
}

async function format(): Promise<string[]> {
  if (existsSync(clangFormat)) return complaintsOf(clangFormat, ['--dry-run', '-Werror', ...files])
  console.log('clang-format is not there, so the format of the C was not checked (see CONTRIBUTING.md)')
  return []
}

async function complaintsOf(program: string, args: string[]): Promise<string[]> {
  try {
    await run(program, args, { maxBuffer: 2 ** 26 })
    return []
  } catch (error) {
    return [error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)]
  }
}

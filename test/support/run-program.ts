import { type SpawnOptionsWithoutStdio, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a program, without an input, to its end; `output` is what it wrote to either stream, as it came. */
export async function runProgram(
  name: string,
  args: string[],
  options: SpawnOptionsWithoutStdio,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(name, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const add = (chunk: Buffer) => {
    output += chunk
  }
  child.stdout.on('data', add)
  child.stderr.on('data', add)
  const [code] = await once(child, 'close')
  return { code, output }
}

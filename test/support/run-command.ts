import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

export const command = resolve('dist/bin/vantage-collector.js')

export type Result = { code: number | null; stdout: string; stderr: string }
export type RunOptions = { env?: Record<string, string>; cwd?: string; input?: string | Uint8Array }

/** Runs `vantage-collector ARGS` to its end. */
export function runCommand(args: string[], { input = '', ...options }: RunOptions = {}): Promise<Result> {
  const running = startCommand(args, options)
  running.process.stdin?.end(input)
  return running.result
}

export type RunningCommand = { process: ChildProcess; result: Promise<Result>; output: Result }

/** Starts `vantage-collector ARGS`, whose standard input stays open. `output` grows while it runs. */
export function startCommand(args: string[], { env = {}, cwd = '.' }: Omit<RunOptions, 'input'> = {}): RunningCommand {
  const child = spawn(process.execPath, [command, ...args], { cwd, env: { ...process.env, ...env } })
  const output: Result = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  // It may end without reading its input.
  child.stdin.on('error', () => undefined)
  const result = once(child, 'close').then(([code]) => Object.assign(output, { code }))
  return { process: child, result, output }
}

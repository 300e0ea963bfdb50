#!/usr/bin/env node
import { readCommandLine, usage } from '../lib/load/command-line.js'
import { runLoad } from '../lib/load/load.js'
import { whyUnreachable } from '../lib/load/reach.js'
import { describe, describeSample, missed } from '../lib/load/report.js'

const exitMissed = 1
const exitUsage = 2
const exitUntold = 3

const { load, thresholds, json, help } = readArguments()
if (help) process.stdout.write(usage)
else if (await isReachable(load.url)) await run()

async function isReachable(url: string): Promise<boolean> {
  const reason = await whyUnreachable(url)
  if (reason === undefined) return true
  process.stderr.write(`vantage-bench: nothing answers at ${url}: ${reason}; --url says where the collector is\n`)
  process.exitCode = exitMissed
  return false
}

async function run(): Promise<void> {
  const onTerminal = process.stderr.isTTY
  const { result } = await runLoad(load, (sample) => {
    const line = describeSample(sample, load.seconds)
    process.stderr.write(onTerminal ? `\r\x1b[K${line}` : `${line}\n`)
  })
  if (onTerminal) process.stderr.write('\r\x1b[K')
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result))
  const misses = missed(result, thresholds)
  for (const miss of misses) process.stderr.write(`vantage-bench: ${miss}\n`)
  if (result.objection !== null) process.exitCode = exitUntold
  else if (misses.length > 0) process.exitCode = exitMissed
}

function readArguments() {
  try {
    return readCommandLine(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`vantage-bench: ${error instanceof Error ? error.message : error}; see --help\n`)
    process.exit(exitUsage)
  }
}

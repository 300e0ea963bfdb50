import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const jars = '.cache/kafka-4.1.1'
/** Any 16 bytes in base64url. */
const clusterId = 'dmFudGFnZS10ZXN0LWthZg'
/** Those of Kafka's own start script (bin/kafka-run-class.sh): without them, pauses of the JVM last up to 200 ms. */
const jvmOptions = [
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
]

/** server.properties that every node here has, whatever its roles. */
const commonProperties = {
  'controller.listener.names': 'CONTROLLER',
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'false',
  // A broker that was killed may come back only when the controller has missed it for that long.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
}

/** A node of a real Apache Kafka in a process of its own, with its data in a temporary directory. */
export class KafkaProcess {
  readonly #directory: string
  readonly #heapMiB: number
  #process: ChildProcess | undefined

  private constructor(directory: string, heapMiB: number) {
    this.#directory = directory
    this.#heapMiB = heapMiB
  }

  /**
   * Fetches Kafka with Maven if need be, and makes the directory of a node; starts nothing.
   *
   * @param passwords of users who log in by SCRAM, by their names
   */
  static async create(
    properties: Record<string, string>,
    heapMiB: number,
    passwords: Record<string, string> = {},
  ): Promise<KafkaProcess> {
    await fetchJars()
    const directory = await mkdtemp(join(tmpdir(), 'vantage-kafka-'))
    const node = new KafkaProcess(directory, heapMiB)
    const all = { ...commonProperties, 'log.dirs': join(directory, 'data'), ...properties }
    await writeFile(node.#propertiesFile, toLines(all))
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', node.#propertiesFile]
    const users = Object.entries(passwords).flatMap(([name, password]) =>
      ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => `${mechanism}=[name=${name},password=${password}]`),
    )
    await run('java', ['-cp', `${jars}/*`, ...format, ...users.flatMap((user) => ['--add-scram', user])])
    return node
  }

  /** Runs one of Kafka's own tools, such as org.apache.kafka.tools.AclCommand. */
  static async runTool(tool: string, args: readonly string[]): Promise<void> {
    await run('java', ['-cp', `${jars}/*`, tool, ...args])
  }

  /** Starts the node, the first time or again on its data. */
  start(): void {
    const heap = [`-Xms${this.#heapMiB}m`, `-Xmx${this.#heapMiB}m`]
    const args = [...heap, ...jvmOptions, '-cp', `${jars}/*`, 'kafka.Kafka', this.#propertiesFile]
    // It has no logger among its jars: what it prints is of no use.
    this.#process = spawn('java', args, { stdio: 'ignore' })
  }

  /** SIGSTOP: it holds its connections and answers nothing. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  /** SIGKILL: its connections break. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
  }

  /** Ends it for good and removes its data. */
  async remove(): Promise<void> {
    await this.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }

  get #propertiesFile(): string {
    return join(this.#directory, 'server.properties')
  }
}

async function fetchJars(): Promise<void> {
  if (existsSync(jars)) return
  const staging = `${jars}.${process.pid}`
  const goals = ['dependency:copy-dependencies', '-DincludeScope=runtime']
  await run('mvn', ['-q', '-B', '-f', 'tools/kafka/pom.xml', ...goals, `-DoutputDirectory=${process.cwd()}/${staging}`])
  try {
    await rename(staging, jars)
  } catch (error) {
    // A test that runs beside this one was faster.
    if (!existsSync(jars)) throw error
    await rm(staging, { recursive: true })
  }
}

function toLines(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

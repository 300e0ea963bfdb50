import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Kafka from 'node-rdkafka'
import { freePort } from './free-port.js'

const run = promisify(execFile)
const jars = '.cache/kafka-4.1.1'
/** Any 16 bytes in base64url. */
const clusterId = 'dmFudGFnZS10ZXN0LWthZg'
const startTimeoutMs = 30_000
/** Those of Kafka's own start script (bin/kafka-run-class.sh): without them, pauses of the JVM last up to 200 ms. */
const jvmOptions = [
  '-Xms1g',
  '-Xmx1g',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
]

/** A real Apache Kafka broker in a process of its own, with its data in a temporary directory. */
export class KafkaBroker {
  readonly bootstrap: string
  readonly #directory: string
  #process: ChildProcess | undefined

  private constructor(bootstrap: string, directory: string) {
    this.bootstrap = bootstrap
    this.#directory = directory
  }

  /**
   * Fetches the broker with Maven if need be, and starts one on a free port. `properties` go into its
   * server.properties.
   */
  static async start(properties: Record<string, string> = {}): Promise<KafkaBroker> {
    await fetchJars()
    const directory = await mkdtemp(join(tmpdir(), 'vantage-kafka-'))
    const [port, controllerPort] = [await freePort(), await freePort()]
    const broker = new KafkaBroker(`127.0.0.1:${port}`, directory)
    await writeFile(broker.#propertiesFile, serverProperties(directory, port, controllerPort, properties))
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', broker.#propertiesFile]
    await run('java', ['-cp', `${jars}/*`, ...format])
    await broker.restart()
    return broker
  }

  /** Starts the broker again on its data and its port. */
  async restart(): Promise<void> {
    const args = [...jvmOptions, '-cp', `${jars}/*`, 'kafka.Kafka', this.#propertiesFile]
    // It has no logger among its jars: what it prints is of no use.
    this.#process = spawn('java', args, { stdio: 'ignore' })
    await this.#answers()
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
    await this.#end('SIGKILL')
  }

  /** Ends it for good and removes its data. */
  async remove(): Promise<void> {
    await this.#end('SIGKILL')
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** Makes a topic with its own settings, such as max.message.bytes. */
  async createTopic(topic: string, partitions: number, config: Record<string, string> = {}): Promise<void> {
    const admin = Kafka.AdminClient.create({ 'bootstrap.servers': this.bootstrap })
    await new Promise<void>((resolve, reject) => {
      const description = { topic, num_partitions: partitions, replication_factor: 1, config }
      admin.createTopic(description, (error) => (error ? reject(new Error(error.message)) : resolve()))
    })
    admin.disconnect()
  }

  /** Resolves when the broker answers a question. */
  async #answers(): Promise<void> {
    const producer = new Kafka.Producer({ 'bootstrap.servers': this.bootstrap, 'reconnect.backoff.max.ms': 200 })
    // Until there is a broker, librdkafka reports that there is none.
    producer.on('event.error', () => undefined)
    await new Promise<void>((resolve, reject) => {
      producer.connect({ timeout: startTimeoutMs }, (error) => (error ? reject(new Error(error.message)) : resolve()))
    })
    await new Promise((resolve) => producer.disconnect(resolve))
  }

  get #propertiesFile(): string {
    return join(this.#directory, 'server.properties')
  }

  async #end(signal: 'SIGKILL'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGCONT')
    child.kill(signal)
    await exited
  }
}

async function fetchJars(): Promise<void> {
  if (existsSync(jars)) return
  const staging = `${jars}.${process.pid}`
  const goals = ['dependency:copy-dependencies', '-DincludeScope=runtime']
  await run('mvn', [
    '-q',
    '-B',
    '-f',
    'test/support/kafka/pom.xml',
    ...goals,
    `-DoutputDirectory=${process.cwd()}/${staging}`,
  ])
  await run('mv', ['-T', staging, jars])
}

function serverProperties(
  directory: string,
  port: number,
  controllerPort: number,
  more: Record<string, string>,
): string {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': join(directory, 'data'),
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    // A broker that was killed may come back only when the controller has missed it for that long.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    ...more,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { plainly } from './plainly.js'

const run = promisify(execFile)

export type ContainerOptions = {
  /** The folder that is its root file system. */
  root: string
  /** uid:gid */
  user: string
  cwd?: string
  env?: Record<string, string>
  /** A network namespace; without, the network of this machine. */
  network?: string
  readOnly?: boolean
  /** Folders of this machine, by their path inside. */
  volumes?: Record<string, string>
}

export type Finished = { code: number | null; output: string }

/**
 * Builds the file system below $1 from the mounts that each needs, and enters it. Arguments: root, "ro" or "rw", uid:gid,
 * the number of volumes, these as pairs of a folder and its path inside, then the command. All mounts end with their
 * namespace, and so with the process.
 */
const enter = `
root=$1 mode=$2 user=$3 volumes=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
while [ "$volumes" -gt 0 ]; do
  mount --bind "$1" "$root$2"
  volumes=$((volumes - 1))
  shift 2
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/full" c 1 7
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
if [ "$mode" = ro ]; then mount -o remount,bind,ro "$root"; fi
exec setpriv --no-new-privs chroot --userspec="$user" "$root" "$@"
`

/** A command in a file system of its own, as the first process of its PID namespace: what a container engine does, as far as tests need it. */
export class Container {
  readonly process: ChildProcess
  readonly #exit: Promise<number | null>
  /** What it wrote to either stream, as it came. */
  output = ''

  constructor(
    command: readonly string[],
    { root, user, cwd = '/', env = {}, network, readOnly = false, volumes = {} }: ContainerOptions,
  ) {
    const mounts = Object.entries(volumes).map(([inside, outside]) => [outside, inside])
    const namespaces = ['unshare', '--mount', '--pid', '--ipc', '--uts', '--fork']
    const [program = '', ...args] = [
      ...(network === undefined ? [] : ['ip', 'netns', 'exec', network]),
      ...[...namespaces, 'sh', '-euc', enter, 'enter'],
      ...[root, readOnly ? 'ro' : 'rw', user, String(mounts.length), ...mounts.flat()],
      ...['env', '-i', '-C', cwd, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
      ...command,
    ]
    this.process = spawn(...plainly(program, args), { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exit = once(this.process, 'close').then(([code]) => code)
    const add = (chunk: Buffer) => {
      this.output += chunk
    }
    this.process.stdout?.on('data', add)
    this.process.stderr?.on('data', add)
  }

  /** Runs a command to its end. */
  static async run(command: readonly string[], options: ContainerOptions): Promise<Finished> {
    const container = new Container(command, options)
    return { code: await container.exit, output: container.output }
  }

  /** Its exit code. */
  get exit(): Promise<number | null> {
    return this.#exit
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** Sends a signal to its first process, as a container engine does. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.process
    const [first] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ')
    if (Number(first) > 0) process.kill(Number(first), signal)
  }

  /** Ends all of its processes at once: they end with the first one of their namespace. */
  async kill(): Promise<void> {
    if (this.running) await this.signal('SIGKILL').catch(() => undefined)
    this.process.kill('SIGKILL')
    await this.#exit
  }
}

let networks = 0

/** A network of its own, in which nothing but its loopback address can be reached: each has a port 8000. */
export async function createNetwork(t: Test): Promise<string> {
  networks++
  const name = `vantage-${process.pid}-${networks}`
  await run('ip', ['netns', 'add', name])
  t.teardown(() => run('ip', ['netns', 'delete', name]))
  await run('ip', ['-netns', name, 'link', 'set', 'lo', 'up'])
  return name
}

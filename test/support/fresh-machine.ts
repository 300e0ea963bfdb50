import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { Container, type ContainerOptions, createNetwork, type Finished } from './container.js'
import { type Debian, installDebian, installPackages, prefix } from './debian.js'
import { clientEnvironment } from './registry-clients.js'

const run = promisify(execFile)
const home = '/home/node'
const user = '1000:1000'

/**
 * A minimal Debian with Node, in which an ordinary user gives commands in the folder `folder`. What they start is ended with
 * the machine, at the end of the test.
 */
export class FreshMachine {
  readonly #root: string
  readonly #options: ContainerOptions
  readonly #network: string

  private constructor(root: string, options: ContainerOptions, network: string) {
    this.#root = root
    this.#options = options
    this.#network = network
  }

  static async create(t: Test, system: Debian): Promise<FreshMachine> {
    const root = await mkdtemp(join(tmpdir(), 'vantage-fresh-'))
    t.teardown(() => rm(root, { recursive: true, force: true }))
    await installDebian(system, root)
    const env = { HOME: home, PATH: `${prefix}/bin:/usr/bin:/bin`, LANG: 'C.UTF-8' }
    const options = { root, user, cwd: `${home}/work`, env: { ...(await clientEnvironment(prefix)), ...env } }
    const machine = new FreshMachine(root, options, await createNetwork(t))
    await run('install', ['--directory', '--owner=1000', '--group=1000', machine.folder])
    return machine
  }

  /** Where its user works, as a path of this machine. */
  get folder(): string {
    return join(this.#root, home, 'work')
  }

  installPackages(packages: readonly string[]): Promise<void> {
    return installPackages(this.#root, packages)
  }

  /** Clones this repository into the user's folder, at a commit. */
  async checkOut(commit: string): Promise<void> {
    await run('git', ['clone', '--quiet', '--no-hardlinks', '--no-checkout', '.', this.folder])
    const { stdout } = await run('git', ['rev-parse', commit])
    // The folder is its user's already.
    const git = ['-c', `safe.directory=${this.folder}`, '-C', this.folder]
    await run('git', [...git, 'checkout', '--quiet', '--detach', stdout.trim()])
    await run('chown', ['--recursive', user, this.folder])
  }

  /** Copies a file that was made in the user's folder. */
  async takeFile(name: string, path: string): Promise<void> {
    await copyFile(join(this.folder, name), path)
  }

  /** Copies a file into the user's folder. */
  async putFile(path: string): Promise<void> {
    await run('install', ['--owner=1000', '--group=1000', path, this.folder])
  }

  /** Runs a command to its end, on a network from which the registries can be reached. */
  runOnline(command: string): Promise<Finished> {
    return Container.run(['bash', '-euc', command], this.#options)
  }

  /** Runs a command to its end, on a network that has only this machine's own loopback address. */
  run(command: string): Promise<Finished> {
    return Container.run(['bash', '-euc', command], { ...this.#options, network: this.#network })
  }

  /** As `run`, but returns at once. */
  start(command: string): Container {
    return new Container(['bash', '-euc', command], { ...this.#options, network: this.#network })
  }
}

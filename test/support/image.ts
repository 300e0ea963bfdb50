import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import type { ContainerOptions } from './container.js'
import { type Debian, installDebian, maxAgeMs } from './debian.js'

const run = promisify(execFile)
const storage = ['--root', resolve('.cache/image/root'), '--runroot', resolve('.cache/image/run')]

/** An image that was built, in a folder: what a container engine reads of it to run it. */
export type Image = {
  root: string
  user: string
  cwd: string
  env: Record<string, string>
  entrypoint: string[]
  healthcheck: string[]
  volumes: string[]
}

/** The part of what `buildah inspect` prints that is read here. */
type Inspected = {
  Docker: {
    created: string
    config: {
      User: string
      WorkingDir: string
      Env: string[]
      Entrypoint: string[] | null
      Healthcheck?: { Test: string[] }
      Volumes: Record<string, object> | null
    }
  }
}

/**
 * Builds a Dockerfile by buildah. Its base, an image of Node, is made of a minimal Debian and Node, and named as the Dockerfile
 * names it, since no registry of images is needed then. Layers are kept.
 *
 * @returns what was printed
 */
export async function buildImage(name: string, context = '.'): Promise<string> {
  const dockerfile = join(context, 'Dockerfile')
  await importBase(await baseOf(dockerfile))
  const flags = ['--isolation', 'chroot', '--layers', '--pull=never', '--format', 'docker']
  // Both streams in one, as they came: which steps were done, and which were there.
  const command = ['buildah', ...storage, 'build', ...flags, '--tag', name, '--file', dockerfile, context]
  const { stdout } = await run('sh', ['-c', 'exec "$@" 2>&1', 'sh', ...command], { maxBuffer: 2 ** 26 })
  return stdout
}

/** Mounts an image; what is written there stays until the test ends. */
export async function mountImage(t: Test, name: string): Promise<Image> {
  const { Docker } = await inspect(name)
  const container = await buildah('from', '--pull=never', name)
  t.teardown(() => buildah('rm', container))
  const { User, WorkingDir, Env, Entrypoint, Healthcheck, Volumes } = Docker.config
  return {
    root: await buildah('mount', container),
    user: User,
    cwd: WorkingDir,
    env: Object.fromEntries(Env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])),
    entrypoint: Entrypoint ?? [],
    healthcheck: Healthcheck?.Test.slice(1) ?? [],
    volumes: Object.keys(Volumes ?? {}),
  }
}

/** The image of Node that a Dockerfile starts from. */
export async function baseOf(dockerfile: string): Promise<string> {
  const [, tag = ''] = /^ARG NODE=(\S+)/m.exec(await readFile(dockerfile, 'utf8')) ?? []
  return `node:${tag}`
}

/** How an engine runs the image: read-only but for its volumes, which are new folders. */
export async function containerOf(
  t: Test,
  { root, user, cwd, env, volumes }: Image,
  more: Pick<ContainerOptions, 'env' | 'network' | 'volumes'> = {},
): Promise<ContainerOptions> {
  const mounted: Record<string, string> = { ...more.volumes }
  for (const path of volumes) {
    const folder = await mkdtemp(join(tmpdir(), 'vantage-volume-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    // A new volume has the owner and the mode of the folder that it covers.
    await run('cp', ['--archive', '--no-target-directory', join(root, path), folder])
    mounted[path] = folder
  }
  return { root, user, cwd, readOnly: true, ...more, env: { ...env, ...more.env }, volumes: mounted }
}

async function importBase(name: string): Promise<void> {
  const existing = await inspect(name).catch(() => undefined)
  if (existing !== undefined && Date.now() - Date.parse(existing.Docker.created) < maxAgeMs) return
  const [, node = '', release = ''] = /^node:(\d+)-(\w+)-slim$/.exec(name) ?? []
  const root = await mkdtemp(join(tmpdir(), 'vantage-base-'))
  try {
    await installDebian({ release: release as Debian['release'], node }, root)
    // As Debian's images do: caches of apt are made anew whenever it runs.
    const noCache = 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    await writeFile(join(root, 'etc/apt/apt.conf.d/docker-clean'), noCache)
    const container = await buildah('from', 'scratch')
    await buildah('add', '--quiet', container, root, '/')
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    await buildah('config', '--env', `PATH=${path}`, '--cmd', 'node', container)
    await buildah('commit', '--quiet', '--rm', '--format', 'docker', container, `docker.io/library/${name}`)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function inspect(name: string): Promise<Inspected> {
  return JSON.parse(await buildah('inspect', '--type', 'image', name))
}

async function buildah(...args: string[]): Promise<string> {
  const { stdout } = await run('buildah', [...storage, ...args], { maxBuffer: 2 ** 24 })
  return stdout.trim()
}

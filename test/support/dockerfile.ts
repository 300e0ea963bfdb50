import { execFile } from 'node:child_process'
import { cp, mkdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { plainly } from './plainly.js'

const run = promisify(execFile)

type Instruction = { name: string; value: string }

/** What the last stage of a Dockerfile says of the process that it is to run. */
export type Image = {
  root: string
  cwd: string
  env: Record<string, string>
  user: string
  entrypoint: string[]
  healthcheck: string[]
}

export type RehearseOptions = {
  /** Folders in which each stage becomes a file system of its own. */
  into: string
  /** Does a RUN in another way: resolves with true if it did. */
  instead: (command: string, cwd: string) => Promise<boolean>
}

/**
 * Performs the steps of the Dockerfile in folders, where there is no Docker engine: what a path is in the image is that
 * path below the stage's folder. Packages of the distribution are not installed, they must be there.
 */
export async function rehearse(dockerfile: string, { into, instead }: RehearseOptions): Promise<Image> {
  const image: Image = { root: '', cwd: '/', env: {}, user: '', entrypoint: [], healthcheck: [] }
  for (const { name, value } of parse(await readFile(dockerfile, 'utf8'))) {
    const cwd = join(image.root, image.cwd)
    switch (name) {
      case 'FROM':
        image.root = join(into, / AS (\w+)$/.exec(value)?.[1] ?? 'final')
        image.cwd = '/'
        break
      case 'WORKDIR':
        image.cwd = value
        await mkdir(join(image.root, value), { recursive: true })
        break
      case 'COPY':
        await copy(value, cwd, into)
        break
      case 'RUN':
        if (value.startsWith('apt-get ') || (await instead(value, cwd))) break
        // Absolute paths are those of the image.
        await run(...plainly('sh', ['-euc', value.replaceAll(/ (\/var\/lib\/vantage)/g, ` ${image.root}$1`)]), { cwd })
        break
      case 'ENV':
        for (const [, key = '', text = ''] of value.matchAll(/(\w+)=(\S+)/g)) image.env[key] = text
        break
      case 'USER':
        image.user = value
        break
      case 'ENTRYPOINT':
        image.entrypoint = JSON.parse(value)
        break
      case 'HEALTHCHECK':
        image.healthcheck = JSON.parse(value.slice(value.indexOf('CMD ') + 4))
    }
  }
  return image
}

function parse(text: string): Instruction[] {
  const lines = text.replace(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, ' ')
  return [...lines.matchAll(/^([A-Z]+) (.*)$/gm)].map(([, name = '', value = '']) => ({ name, value }))
}

/** Of the context, what .dockerignore leaves: its lines with an exclamation mark. */
async function copy(value: string, cwd: string, into: string): Promise<void> {
  const words = value.split(' ')
  const stage = /^--from=(\w+)$/.exec(words[0] ?? '')?.[1]
  const [target = '.', ...reversed] = words.slice(stage === undefined ? 0 : 1).reverse()
  const sources = reversed[0] === '.' ? await contextEntries() : reversed
  for (const source of sources) {
    const from = stage === undefined ? source : join(into, stage, source)
    const folder = join(cwd, target)
    const to = target.endsWith('/') || target === '.' ? join(folder, basename(source)) : folder
    await cp(from, to, { recursive: true, verbatimSymlinks: true })
  }
}

async function contextEntries(): Promise<string[]> {
  const lines = (await readFile('.dockerignore', 'utf8')).split('\n')
  return lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
}

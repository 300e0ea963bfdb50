import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { plainly } from '../../support/plainly.js'
import { tool } from '../../support/tools.js'

const run = promisify(execFile)
const author = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@example.com' }
const committer = { GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@example.com' }

test('npm version gives all that is shipped the new version, commits and tags; with nothing to release it refuses', async (t) => {
  const cwd = t.testdir()
  await run('sh', ['-c', 'git ls-files -z -co --exclude-standard | xargs -0 cp --parents -t "$0"', cwd])
  symlinkSync(resolve('node_modules'), join(cwd, 'node_modules'))
  // Nothing of the npm that runs this test: its variables name its own package.
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...author, ...committer }
  const git = async (...args: string[]) => (await run('git', args, { cwd, env })).stdout.trim()
  const npm = (...args: string[]) => run(...plainly('npm', args), { cwd, env })
  const read = (path: string) => readFileSync(join(cwd, path), 'utf8')
  await git('init', '--quiet')
  await git('add', '--all', '.')
  await git('commit', '--quiet', '--message', 'As it is')
  const before = JSON.parse(read('package.json')).version

  await npm('version', 'minor')
  const { version } = JSON.parse(read('package.json'))
  t.not(version, before)
  t.equal(await git('describe', '--tags'), `v${version}`)
  t.same((await git('show', '--name-only', '--format=')).split('\n').sort(), [
    'CHANGELOG.md',
    'deploy/helm/Chart.yaml',
    'deploy/kubernetes/collector.yaml',
    'package-lock.json',
    'package.json',
  ])
  t.match(read('deploy/helm/Chart.yaml'), `version: ${version}\nappVersion: ${version}\n`)
  const chart = ['template', 'collector', join(cwd, 'deploy/helm'), '--kube-version', '1.34.0']
  t.equal(read('deploy/kubernetes/collector.yaml'), (await run(tool('helm'), chart)).stdout)
  const today = new Date().toISOString().slice(0, 10)
  t.match(read('CHANGELOG.md'), new RegExp(`^## Unreleased\n\n## ${version} - ${today}\n\n###? `, 'm'))

  const refusal: string = await npm('version', 'patch').then(
    () => 'none',
    ({ stderr }) => stderr,
  )
  t.match(refusal, 'nothing under Unreleased')
  t.equal(await git('describe', '--tags'), `v${version}`, 'and there is no tag')
})

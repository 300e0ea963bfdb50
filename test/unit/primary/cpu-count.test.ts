import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { countCpus } from '../../../lib/primary/cpu-count.js'

/** The root of a file system with these files. */
function rootWith(t: Test, files: Record<string, string>): string {
  const root = t.testdir()
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), `${content}\n`)
  }
  return root
}

const all = availableParallelism()

const quotas: [quota: string, period: string, expected: number][] = [
  ['max', '100000', all],
  ['50000', '100000', 1],
  ['100000', '100000', 1],
  ['150000', '100000', Math.min(2, all)],
  ['10000000', '100000', all],
]

for (const [quota, period, expected] of quotas) {
  test(`a container with the quota ${quota} gets no more workers than it has CPUs`, async (t) => {
    const version2 = { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': `${quota} ${period}` }
    t.equal(countCpus(rootWith(t, version2)), expected)
  })

  test(`the same where control groups are of version 1: ${quota}`, async (t) => {
    const version1 = {
      'proc/self/cgroup': '5:devices:/docker/0af9\n4:cpu,cpuacct:/docker/0af9\n0::/',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': quota === 'max' ? '-1' : quota,
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': period,
    }
    t.equal(countCpus(rootWith(t, version1)), expected)
  })
}

const slice = 'sys/fs/cgroup/system.slice'

test('a service has the quota of its own control group, or of the slice around it', async (t) => {
  const membership = { 'proc/self/cgroup': '0::/system.slice/collector.service' }
  const own = { ...membership, [`${slice}/collector.service/cpu.max`]: '100000 100000' }
  t.equal(countCpus(rootWith(t, own)), 1)
  const around = { [`${slice}/cpu.max`]: '100000 100000', [`${slice}/collector.service/cpu.max`]: 'max 100000' }
  t.equal(countCpus(rootWith(t, { ...membership, ...around })), 1)
})

test('the quota of a neighbour does not count', async (t) => {
  const other = { 'proc/self/cgroup': '0::/system.slice/collector.service', [`${slice}/other.service/cpu.max`]: '1 2' }
  t.equal(countCpus(rootWith(t, other)), all)
})

test('where both versions are in use, the one that has the CPU counts', async (t) => {
  const files = {
    'proc/self/cgroup': '1:cpu:/a b:c\n0::/a b:c',
    'sys/fs/cgroup/cpu/a b:c/cpu.cfs_quota_us': '20000',
    'sys/fs/cgroup/cpu/a b:c/cpu.cfs_period_us': '100000',
  }
  t.equal(countCpus(rootWith(t, files)), 1)
})

test('without a quota, or with one that nobody can read, the CPUs of the machine count', async (t) => {
  t.equal(countCpus('/nowhere'), all)
  for (const content of ['', 'max', '0 0', '-1 -1', 'soon 100000']) {
    t.equal(countCpus(rootWith(t, { 'sys/fs/cgroup/cpu.max': content })), all, content)
  }
  t.ok(countCpus() >= 1)
})

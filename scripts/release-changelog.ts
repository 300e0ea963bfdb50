// What npm version does beside package.json: names the unreleased changes of CHANGELOG.md after the new version, and
// gives the Helm chart that version.

import { readFileSync, writeFileSync } from 'node:fs'
import { version } from '../lib/shared/version.js'

/** The changelog with its unreleased part under the version and the day, and an empty unreleased part above. */
export function released(changelog: string, version: string, day: string): string {
  const [, changes = ''] = /^## Unreleased\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? []
  if (changes.trim() === '') throw new Error('CHANGELOG.md has nothing under Unreleased: there is nothing to release')
  return changelog.replace('## Unreleased\n', `## Unreleased\n\n## ${version} - ${day}\n`)
}

if (process.argv[1] === import.meta.filename) {
  const changelog = readFileSync('CHANGELOG.md', 'utf8')
  writeFileSync('CHANGELOG.md', released(changelog, version, new Date().toISOString().slice(0, 10)))
  const chart = readFileSync('deploy/helm/Chart.yaml', 'utf8')
  writeFileSync('deploy/helm/Chart.yaml', chart.replaceAll(/^(version|appVersion): .*$/gm, `$1: ${version}`))
}

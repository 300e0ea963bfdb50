// What npm version does beside package.json: names the unreleased changes of CHANGELOG.md after the new version, and
// gives it to the Helm chart and to the plain manifests that are rendered from it.

import { readFileSync, writeFileSync } from 'node:fs'
import { version } from '../lib/shared/version.js'

const day = new Date().toISOString().slice(0, 10)

rewrite('CHANGELOG.md', (changelog) => {
  const [, changes = ''] = /^## Unreleased\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? []
  if (changes.trim() === '') throw new Error('CHANGELOG.md has nothing under Unreleased: there is nothing to release')
  return changelog.replace('## Unreleased\n', `## Unreleased\n\n## ${version} - ${day}\n`)
})
rewrite('deploy/helm/Chart.yaml', (chart) => chart.replaceAll(/^(version|appVersion): .*$/gm, `$1: ${version}`))
// The labels app.kubernetes.io/version and helm.sh/chart, and the tag of the image.
rewrite('deploy/kubernetes/collector.yaml', (manifests) =>
  manifests.replaceAll(/(?<=\/version: "|\/chart: vantage-collector-|image: "vantage-collector:)[^"\n]+/g, version),
)

function rewrite(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')))
}

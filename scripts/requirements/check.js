// Ends an installation before anything is compiled where something for compiling is missing. librdkafka's own build leaves out
// what it finds no headers for, and ends well: the collector would learn at its start that it has no gzip.
// It is plain JavaScript, since nothing is compiled yet when npm runs it.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const requirements = JSON.parse(readFileSync(new URL('packages.json', import.meta.url), 'utf8'))
const { env } = process
const compiler = `${env.CC ?? 'cc'} ${env.CPPFLAGS ?? ''} ${env.CFLAGS ?? ''} -x c - -o /dev/null ${env.LDFLAGS ?? ''}`

const missing = requirements.filter((requirement) => !isThere(requirement))
const needed = missing.filter(({ optional }) => !optional)

for (const { debian, header, gives } of missing.filter(({ optional }) => optional)) {
  console.error(`librdkafka is compiled without ${gives}, since ${header} is missing (Debian's package ${debian}).`)
}
if (needed.length > 0) {
  console.error('vantage-collector: this machine lacks what compiling librdkafka takes:')
  for (const { debian, command, header, gives } of needed) {
    console.error(`  ${command ?? header}, Debian's package ${debian}${gives ? `: ${gives}` : ''}`)
  }
  console.error(`On Debian and Ubuntu: apt-get install ${needed.map(({ debian }) => debian).join(' ')}`)
  process.exit(1)
}

function isThere({ command, variable, header, links, pkgConfig }) {
  if (command) return succeeds(`${env[variable] || command} --version`)
  if (succeeds(`${compiler} ${links}`, `#include <${header}>\nint main(void) { return 0; }\n`)) return true
  // Where it is elsewhere, librdkafka's build asks pkg-config; without a compiler, this much can be said all the same.
  return (
    succeeds(`pkg-config --exists ${pkgConfig}`) || (!succeeds('cc --version') && existsSync(`/usr/include/${header}`))
  )
}

function succeeds(line, input = '') {
  return spawnSync(line, { shell: true, input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0
}

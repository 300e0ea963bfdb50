import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../../tools/free-port.js'
import { waitFor } from '../../tools/wait-for.js'

const nginx = '/usr/sbin/nginx'

/** Why there is no nginx here; undefined where there is one. */
export const lacksNginx = existsSync(nginx) ? undefined : 'nginx is not there; .ci/run installs it'

/** Starts nginx before a server, with these directives for its location; the test ends it. */
export async function startNginx(t: Test, upstream: string, directives: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; ${user} worker_processes 1; pid ${folder}/pid; error_log ${folder}/log;
    events {}
    http {
      access_log off; ${temporary.join(' ')}
      server { listen 127.0.0.1:${port}; client_max_body_size 0; location / { proxy_pass ${upstream}; ${directives} } }
    }`,
  )
  const process_ = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'log')])
  const ended = new Promise((resolve) => process_.once('exit', resolve))
  t.teardown(async () => {
    process_.kill()
    await ended
    await rm(folder, { recursive: true })
  })
  const url = `http://127.0.0.1:${port}`
  await waitFor(
    () =>
      fetch(`${url}/live`).then(
        ({ ok }) => ok,
        () => false,
      ),
    'nginx',
  )
  return url
}

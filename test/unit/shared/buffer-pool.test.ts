import { test } from 'tap'
import { BufferPool } from '../../../lib/shared/buffer-pool.js'

test('a buffer given back serves again, for any length of its size', async (t) => {
  const pool = new BufferPool()
  const first = pool.take(30_000)
  pool.give(first.subarray(0, 10))
  const second = pool.take(31_000)
  t.equal(second.length, 31_000)
  t.equal(second.buffer, first.buffer)
})

test('two buffers in use never share memory', async (t) => {
  const pool = new BufferPool()
  pool.give(pool.take(100))
  t.not(pool.take(100).buffer, pool.take(100).buffer)
})

test('what is idle is bounded', async (t) => {
  const pool = new BufferPool()
  const buffers = Array.from({ length: 20 }, () => pool.take(2 ** 20))
  for (const buffer of buffers) pool.give(buffer)
  const again = new Set(buffers.map(() => pool.take(2 ** 20).buffer))
  t.equal(buffers.filter(({ buffer }) => again.has(buffer)).length, 16, '16 of 20 MiB were kept')
})

test('a buffer is at least as long as asked for, and not much longer', async (t) => {
  const pool = new BufferPool()
  for (const length of [0, 1, 4096, 4097, 65_535, 65_536, 65_537, 10_485_761]) {
    const { buffer } = pool.take(length)
    t.ok(buffer.byteLength >= length && buffer.byteLength <= Math.max(4096, 1.25 * length), `${length}`)
  }
})

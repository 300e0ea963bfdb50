import type { Delivery } from '../delivery/delivery.js'
import type { Answer } from '../shared/answer.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import { Problem } from '../shared/errors.js'
import { excerpt } from '../shared/excerpt.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import { BatchAccount } from './batch-account.js'
import type { ByteBudget, Hold } from './byte-budget.js'
import { problemOf } from './formats/vantage/deferrals.js'
import type { Judge } from './formats/vantage/judge.js'
import { bytesIn } from './formats/vantage/letters.js'
import type { MakeRecords } from './formats/vantage/records.js'
import { respond, withRefused } from './formats/vantage/respond.js'
import { noValidMetrics } from './formats/vantage/validate.js'
import { bodyTooLarge, inflate, isGzip } from './inflate.js'
import type { RequestTrace } from './request-trace.js'
import type { Turns } from './turns.js'

/** What the refused part of a batch is shown under, as that of a whole one is. */
const route = '/v1/metrics'

/** What a body may take: its caller gives the buffer, which comes from the pool, back to it. */
export type BodyLimits = { maxBytes: number; pool: BufferPool; hold: Hold }

/** A POST of a batch whose body has not been read yet. */
export type BatchRequest = {
  header: (lowerCaseName: string) => string
  /** The values of all lines of a header. */
  headerValues: (lowerCaseName: string) => string[]
  /**
   * Reads the body; to be called before the first await.
   *
   * @throws {Problem} VANTAGE_BODY_TOO_LARGE, VANTAGE_OVERLOADED, or what is wrong with how it was sent
   * @throws when the client goes away first; there is nobody left to answer then
   */
  readBody: (limits: BodyLimits) => Promise<Buffer>
  /** The API key it came with, where authentication is on. */
  keyName: string | undefined
  /** Whom limits and fairness count it for. */
  client: string
  /** Headers that its answer will carry, whatever it is. */
  answerHeaders: Record<string, string>
  trace: RequestTrace
}

/** What a client may send. Each of its members throws a {@link Problem} VANTAGE_RATE_LIMITED when that is exceeded. */
export type RateLimiter = { open: (request: BatchRequest) => Quota }
type Quota = { counted: () => Promise<void>; countMetrics: (metrics: number) => Promise<void> }

export type IngestContext = {
  limits: { maxBodyBytes: number }
  budget: ByteBudget
  /** For inflating: as many at a time as the byte budget can hold at their largest. */
  inflating: Turns
  judge: Judge
  makeRecords: MakeRecords
  delivery: Delivery
  /** Undefined where there are no rate limits. */
  limiter: RateLimiter | undefined
  pool: BufferPool
  telemetry: Telemetry
}

/**
 * What happens to one batch, from its bytes to its answer.
 *
 * @throws {Problem} for every answer but a 202
 * @throws when the client goes away while sending
 */
export async function ingest(request: BatchRequest, context: IngestContext): Promise<Answer> {
  const account = new BatchAccount(context.telemetry, request.keyName)
  const hold = context.budget.open(request.client)
  try {
    const { judgement, letters, records } = await receive(request, context, account, hold)
    hold.change(records.bytes.length + bytesIn(letters))
    request.trace.enter('deliver')
    const outcome = await context.delivery.deliver(records)
    if (outcome.kind === 'deferred') throw problemOf(outcome)
    const { durability, refused } = outcome
    request.trace.note({ durability })
    // Only now: of a batch that is answered 503, the agent will send them again.
    context.delivery.rejects?.keep(letters)
    const final = withRefused(judgement, records, refused)
    const answer = respond(final, durability)
    account.settle(final.accepted, final.rejections)
    if (final.rejected > 0)
      context.telemetry.noteProblem({ route, status: answer.status, rejections: final.rejections })
    return answer
  } catch (error) {
    account.fail(error)
    throw error
  } finally {
    hold.change(0)
  }
}

/** Reads and judges the batch and makes its records and dead letters; the body is done with then. */
async function receive(request: BatchRequest, context: IngestContext, account: BatchAccount, hold: Hold) {
  const { limits, judge, makeRecords, delivery, limiter, telemetry, pool } = context
  const { trace } = request
  const { gzip, length } = readHeaders(request)
  // Whoever cannot be served is told before the body is read.
  if (length > limits.maxBodyBytes) throw bodyTooLarge(limits.maxBodyBytes)
  const { deferral } = delivery
  if (deferral !== undefined) throw problemOf(deferral)
  const quota = limiter?.open(request)
  hold.assertRoom(length)
  trace.enter('read')
  const sent = await request.readBody({ maxBytes: limits.maxBodyBytes, pool, hold })
  try {
    telemetry.counts.batchesReceived++
    telemetry.observe('requestBodyBytes', sent.length)
    await quota?.counted()
    trace.enter('inflate')
    const text = gzip ? await inflateInTurn(sent, request.client, context) : sent
    if (gzip) hold.grow(text.length)
    trace.enter('judge')
    const { judgement, batch, letters } = judge(text, hold)
    trace.note({ metrics_received: judgement.received, metrics_accepted: judgement.accepted })
    account.receive(judgement.received, batch.service)
    await quota?.countMetrics(judgement.received)
    if (judgement.accepted === 0) {
      delivery.rejects?.keep(letters)
      throw noValidMetrics(judgement)
    }
    trace.enter('make records')
    return { judgement, letters, records: makeRecords(batch, trace.context) }
  } finally {
    pool.give(sent)
  }
}

function inflateInTurn(body: Buffer, client: string, { inflating, limits }: IngestContext): Promise<Buffer> {
  return inflating.run(client, () => inflate(body, limits.maxBodyBytes))
}

/** Must run before the first await: uWebSockets.js forgets the headers then. `length` is what the client says. */
function readHeaders({ header, headerValues }: BatchRequest): { gzip: boolean; length: number } {
  requireJson(header('content-type'))
  const encoding = header('content-encoding')
  // A list may come in several lines. Of one that begins with gzip, the body itself tells whether there is more.
  const isPlain = encoding === '' || encoding === 'gzip'
  return {
    gzip: isGzip(isPlain ? encoding : headerValues('content-encoding').join(',')),
    length: Number(header('content-length')) || 0,
  }
}

/** text/json was never registered, and is sent all the same. */
const jsonType = /^\s*(?:application\/(?:[\w.-]+\+)?|text\/)json\s*(?:;|$)/i

function requireJson(contentType: string): void {
  if (contentType === '' || jsonType.test(contentType)) return
  throw new Problem(
    'VANTAGE_UNSUPPORTED_MEDIA_TYPE',
    `Content-Type ${JSON.stringify(excerpt(contentType, 100))} is not JSON`,
    {
      headers: { Accept: 'application/json' },
    },
  )
}

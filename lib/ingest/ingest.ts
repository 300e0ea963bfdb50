import type { Delivery } from '../delivery/delivery.js'
import type { DeliveryOutcome } from '../delivery/outcome.js'
import type { Answer } from '../shared/answer.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import { BatchAccount } from './batch-account.js'
import type { ByteBudget, Hold } from './byte-budget.js'
import { problemOf } from './deferrals.js'
import { bytesOf, type Format, type Intake, type Outcome, outcomeOf } from './format.js'
import { bodyTooLarge, inflate, isGzip } from './inflate.js'
import type { RequestTrace } from './request-trace.js'
import type { Turns } from './turns.js'

/** What a body may take: its caller gives the buffer, which comes from the pool, back to it. */
export type BodyLimits = { maxBytes: number; pool: BufferPool; hold: Hold }

/** A POST of a batch whose body has not been read yet. */
export type BatchRequest = {
  /** The route that serves it, as figures name it. */
  route: string
  /** How its errors are answered. */
  format: Pick<Format, 'problem'>
  header: (lowerCaseName: string) => string
  /** The values of all lines of a header. */
  headerValues: (lowerCaseName: string) => string[]
  /**
   * Reads the body; to be called before the first await.
   *
   * @throws {Problem} VANTAGE_BODY_TOO_LARGE, VANTAGE_OVERLOADED, or what is wrong with how it was sent
   * @throws when the client goes away first, so that no answer can reach it
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
  delivery: Delivery
  /** Undefined where there are no rate limits. */
  limiter: RateLimiter | undefined
  pool: BufferPool
  telemetry: Telemetry
}

/**
 * What happens to one batch, from its bytes to its answer.
 *
 * @param likely its format as the route and its headers say; where another one comes with the same, the body tells
 * @throws {Problem} for every answer that is an error
 * @throws when the client goes away while sending
 */
export async function ingest(request: BatchRequest, likely: Format, context: IngestContext): Promise<Answer> {
  const account = new BatchAccount(context.telemetry, likely.name, request.keyName)
  const hold = context.budget.open(request.client)
  try {
    const { format, intake } = await receive(request, likely, context, account, hold)
    hold.change(bytesOf(intake))
    const outcome =
      intake.accepted === 0
        ? outcomeOf(intake, undefined)
        : conclude(intake, await deliver(intake, request, context), request)
    // Only now: of a batch that is deferred, the agent will send them again.
    context.delivery.rejectedDeadLetters?.keep(intake.letters)
    account.settle(outcome)
    const answer = format.answer(outcome)
    if (outcome.rejected > 0) {
      const { route } = request
      context.telemetry.noteProblem({ route, status: answer.status, rejections: outcome.rejections })
    }
    return answer
  } catch (error) {
    account.fail(error)
    throw error
  } finally {
    hold.change(0)
  }
}

/** Reads the batch and decodes it; the body is done with then. */
async function receive(
  request: BatchRequest,
  likely: Format,
  context: IngestContext,
  account: BatchAccount,
  hold: Hold,
): Promise<{ format: Format; intake: Intake }> {
  const { limits, delivery, limiter, telemetry, pool } = context
  const { trace } = request
  const { gzip, length } = readHeaders(request)
  // An agent that cannot be served hears so before its body is read.
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
    const body = gzip ? await inflateInTurn(sent, request.client, context) : sent
    if (gzip) hold.grow(body.length)
    trace.enter('decode')
    const format = likely.tellApart?.(body) ?? likely
    request.format = format
    account.format = format.name
    const intake = format.decode(body, { hold, trace: trace.context })
    trace.note({ metrics_received: intake.received, metrics_accepted: intake.accepted })
    account.receive(intake.received, intake.services)
    await quota?.countMetrics(intake.received)
    return { format, intake }
  } finally {
    telemetry.count('formatBatchesReceived', account.format)
    pool.give(sent)
  }
}

function deliver({ records }: Intake, { trace }: BatchRequest, { delivery }: IngestContext): Promise<DeliveryOutcome> {
  trace.enter('deliver')
  return delivery.deliver(records)
}

/** @throws {Problem} where the batch is deferred */
function conclude(intake: Intake, delivered: DeliveryOutcome, { trace }: BatchRequest): Outcome {
  if (delivered.kind === 'deferred') throw problemOf(delivered)
  const { durability, refused } = delivered
  trace.note({ durability })
  return outcomeOf(intake, durability, refused)
}

function inflateInTurn(body: Buffer, client: string, { inflating, limits }: IngestContext): Promise<Buffer> {
  return inflating.run(client, () => inflate(body, limits.maxBodyBytes))
}

/** Must run before the first await: uWebSockets.js forgets the headers then. `length` is what the client says. */
function readHeaders({ header, headerValues }: BatchRequest): { gzip: boolean; length: number } {
  const encoding = header('content-encoding')
  // A list may come in several lines. Of one that begins with gzip, the body itself tells whether there is more.
  const isPlain = encoding === '' || encoding === 'gzip'
  return {
    gzip: isGzip(isPlain ? encoding : headerValues('content-encoding').join(',')),
    length: Number(header('content-length')) || 0,
  }
}

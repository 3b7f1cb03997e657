/**
 * Policies: models made of models. Each is plain data; the gateway reads it when the model is asked. They nest in any order: the innermost says how often and how
 * long, the outermost is passed first.
 */
import { TuttiError } from '../errors/index.ts'
import { checkOptions, type Declared, type Duration, durationMs, type Elsewhere, is, sayGiven } from '../primitives/index.ts'
import { checkCodes, RETRY_ELSEWHERE } from '../run/index.ts'
import type { BatchPort } from './batch/batch.port.ts'
import { checkModelsOf } from './links.ts'
import type { Accept, Model, ModelId, ModelLike, ModelRetry, OutputMode, Policy, PolicyModel } from './model.port.ts'
import { plainId } from './resolve.ts'

/**
 * How often `model` (each model of it, when it is a list) is asked again after a failure that may pass. Default without it: 3 attempts, 500 ms doubling
 * to 30 s with full jitter, never earlier than the provider's `retry-after`, never later than the deadline of the run. Each attempt is held, paid for and
 * recorded by itself. After text was shown to somebody a failure is final, unless `afterText` says otherwise.
 * @throws CONFIG_INVALID
 * @example agent({ name: 'order', model: retry('openai/gpt-5-mini', { attempts: 5, backoff: '1s' }) })
 */
export function retry(model: ModelLike, o: ModelRetry): Model {
  checkOptions<ModelRetry>('retry()', o, { attempts: true, backoff: true, max: true, on: true, afterText: is.flag }, RETRY_ELSEWHERE)
  if (!Number.isInteger(o.attempts) || o.attempts < 1)
    throw new TuttiError('CONFIG_INVALID', `retry: attempts is ${o.attempts}; it counts the first attempt too, so it is 1 or more`)
  for (const name of ['backoff', 'max'] as const) if (o[name] !== undefined) durationMs(o[name], `retry: ${name}`)
  if (o.on !== undefined && !Array.isArray(o.on))
    throw new TuttiError('CONFIG_INVALID', `retry: on is ${sayGiven(o.on)}; it is a list of codes, as in ['MODEL_TIMEOUT']`)
  checkCodes('retry()', o.on)
  return policy({ kind: 'retry', of: model, retry: o })
}

export const TIMEOUT_ELSEWHERE: Elsewhere = { timeout: "total: '1m'", ms: "total: '1m'", timeoutMs: "total: '1m'", chunk: "idle: '10s'" }

interface TimeoutOptions {
  firstToken?: Duration | undefined
  idle?: Duration | undefined
  total?: Duration | undefined
}

/**
 * How long one attempt may take: until its first token (a stream), between two parts of its stream, and in all. An attempt that takes longer has failed with
 * MODEL_TIMEOUT, which may be tried again. Default without it: as long as the provider's own client waits.
 * @throws CONFIG_INVALID
 * @example timeout('openai/gpt-5-mini', { firstToken: '10s', idle: '20s', total: '2m' })
 */
export function timeout(model: ModelLike, o: TimeoutOptions): Model {
  checkOptions<TimeoutOptions>('timeout()', o, { firstToken: true, idle: true, total: true }, TIMEOUT_ELSEWHERE)
  const ms = (name: keyof TimeoutOptions): number | undefined => (o[name] === undefined ? undefined : positiveMs('timeout', name, o[name]))
  const timeouts = { firstTokenMs: ms('firstToken'), idleMs: ms('idle'), totalMs: ms('total') }
  const said = Object.fromEntries(Object.entries(timeouts).filter(([, value]) => value !== undefined))
  if (Object.keys(said).length === 0) throw new TuttiError('CONFIG_INVALID', 'timeout: nothing is limited; give `firstToken`, `idle` or `total`')
  return policy({ kind: 'timeout', of: model, timeouts: said })
}

/**
 * How the models of `model` answer an output schema. Default without it: by what is known of each model (`json` in the provider's own JSON mode, `tool` through a
 * tool it is made to call, `prompt` by instructions alone). Whatever the way, the answer is checked, and repaired.
 * @throws CONFIG_INVALID
 * @example agent({ name: 'triage', output: Triage, model: structured('vllm/my-finetune', 'tool') })
 */
export function structured(model: ModelLike, by: OutputMode): Model {
  if (!['json', 'tool', 'prompt'].includes(by)) throw new TuttiError('CONFIG_INVALID', `structured: '${by}' is no way; there are 'json', 'tool' and 'prompt'`)
  return policy({ kind: 'structured', of: model, by })
}

interface BatchOptions {
  within?: Duration | undefined
  every?: Duration | undefined
  port?: BatchPort | undefined
}

/**
 * Asked through the batch API of its provider (OpenAI's or Anthropic's, with the key of the environment): answered within hours, at half the price. Items that ask at the same
 * time go in one batch; each waits for its answer at rest, over restarts. For a `run.map` of many items. Nothing is streamed. Around it there may be `retry` (an item that its
 * batch did not answer is handed in again) and `structured`; under another policy, or in a list, it is refused when it is asked.
 * @param o.within how long an answer is waited for. Default 24 h, what providers promise
 * @param o.every before it is first asked whether the batch has ended; doubled each time, to half an hour. Default 1 min
 * @param o.port the batch API of another provider
 * @throws CONFIG_INVALID
 * @example agent({ name: 'label', output: Label, model: batch('openai/gpt-5-mini') })
 */
export function batch(model: ModelId, o: BatchOptions = {}): Model {
  checkOptions<BatchOptions>('batch()', o, { within: true, every: true, port: true })
  const provider = typeof model === 'string' ? plainId(model).split('/')[0] : undefined
  if (provider === undefined) throw new TuttiError('CONFIG_INVALID', "batch: give the model as 'provider/model'")
  if (!o.port && provider !== 'openai' && provider !== 'anthropic')
    throw new TuttiError('CONFIG_INVALID', `batch: tutti knows the batch APIs of openai and anthropic, not of ${provider}`, {
      hint: 'Give `port`: how a batch of it is submitted, polled, fetched and cancelled.',
    })
  return policy({
    kind: 'batch',
    of: model,
    withinMs: positiveMs('batch', 'within', o.within ?? '24h'),
    everyMs: positiveMs('batch', 'every', o.every ?? '1m'),
    ...(o.port ? { port: o.port } : {}),
  })
}

interface BreakerOptions {
  failures?: number | undefined
  within?: Duration | undefined
  cooldown?: Duration | undefined
}

/**
 * A provider that failed `failures` times in a row (default 5) within `within` (default a minute) is not asked for the `cooldown` (default 30 s): the next model of
 * the chain is, at once. Then one call goes through and decides. The same declaration is one circuit, for all runs of the app.
 * @throws CONFIG_INVALID
 * @example [breaker('openai/gpt-5-mini'), 'anthropic/claude-haiku-4-5']
 */
export function breaker(model: ModelLike, o: BreakerOptions = {}): Model {
  checkOptions<BreakerOptions>('breaker()', o, { failures: true, within: true, cooldown: true })
  const { failures = 5, within = '1m', cooldown = '30s' } = o
  if (!Number.isInteger(failures) || failures < 1) throw new TuttiError('CONFIG_INVALID', `breaker: failures is ${failures}; it is 1 or more`)
  return policy({
    kind: 'breaker',
    of: model,
    failures,
    withinMs: positiveMs('breaker', 'within', within),
    cooldownMs: durationMs(cooldown, 'breaker: cooldown'),
  })
}

/**
 * Cheap first: each model is asked until `accept` takes an answer; the last one's is taken as it is. What is not accepted is paid for, recorded as
 * MODEL_NOT_ACCEPTED, and never shown; nothing is shown before it is accepted. An answer that calls tools goes on without a check.
 * @throws CONFIG_INVALID
 * @example cascade(['openai/gpt-5-nano', 'openai/gpt-5'], { accept: ({ confidence = 0 }) => confidence > 0.9 })
 */
export function cascade(models: readonly [ModelLike, ModelLike, ...ModelLike[]], o: { accept: Accept }): Model {
  if (!Array.isArray(models) || models.length < 2)
    throw new TuttiError(
      'CONFIG_INVALID',
      `cascade: ${Array.isArray(models) ? models.length : 'no list of'} models; it goes from one to another, so it needs two or more`,
    )
  checkOptions<{ accept: Accept }>('cascade()', o, { accept: true })
  if (typeof o.accept !== 'function') throw new TuttiError('CONFIG_INVALID', 'cascade: `accept` is not a function')
  return policy({ kind: 'cascade', of: models, accept: o.accept })
}

interface HedgeOptions {
  after?: Duration | 'p95' | undefined
  max?: number | undefined
}

/**
 * A second attempt beside the first, when that has said nothing for `after`: the first that says something, or answers well, goes on alone; the other is cut off,
 * and paid for in full where nobody knows what it used. `after` is a time, or `'p95'` (default): what nineteen of twenty answers of that model took to begin, as seen
 * by this process, and none before twenty were seen. Of a list the second attempt asks the next model, of a single model the same again. `max` (default 2)
 * counts the first. An attempt that the budget has no room for, or that would have to wait, is not made.
 * @throws CONFIG_INVALID
 * @example hedge(['openai/gpt-5-mini', 'anthropic/claude-haiku-4-5'], { after: '2s' })
 */
export function hedge(model: ModelLike, o: HedgeOptions = {}): Model {
  checkOptions<HedgeOptions>('hedge()', o, { after: true, max: true })
  const { after = 'p95', max = 2 } = o
  if (!Number.isInteger(max) || max < 2) throw new TuttiError('CONFIG_INVALID', `hedge: max is ${max}; it counts the first attempt too, so it is 2 or more`)
  return policy({ kind: 'hedge', of: model, afterMs: after === 'p95' ? after : durationMs(after, 'hedge: after'), max })
}

export interface CacheOptions {
  /** How long an answer is given again. Default an hour. */
  ttl?: Duration | undefined
  /** From which likeness on (0 to 1, the cosine of their embeddings) an answer to another last message is given too, all before it being the same. Default: never. */
  similar?: number | undefined
  /** Whose answers are given to whom. Default: those of a tenant to that tenant. */
  per?: 'tenant' | 'user' | undefined
  /** Answers kept. Default 1,000: those that were not of use for longest go. */
  max?: number | undefined
}

/**
 * The same question (instructions, messages, tools, schema, settings) is answered once, by whichever model of `model`, and then again for nothing: its usage and
 * cost are 0, and the journal says where it is from. Who asks while it is being answered waits for that answer. Kept in memory, for the runs of this process.
 * @throws CONFIG_INVALID; when asked with `similar` and without an embedding model RETRIEVAL_EMBEDDER_MISSING
 * @example cache('openai/gpt-5-mini', { ttl: '1d', similar: 0.95 })
 */
export function cache(model: ModelLike, o: CacheOptions = {}): Model {
  checkOptions<CacheOptions>('cache()', o, { ttl: true, similar: true, per: true, max: true })
  const { ttl = '1h', similar, per = 'tenant', max = 1_000 } = o
  if (similar !== undefined && !(similar > 0 && similar <= 1))
    throw new TuttiError('CONFIG_INVALID', `cache: similar is ${similar}; it is more than 0, and 1 at most`)
  if (!Number.isInteger(max) || max < 1) throw new TuttiError('CONFIG_INVALID', `cache: max is ${max}; it is 1 or more`)
  if (per !== 'tenant' && per !== 'user') throw new TuttiError('CONFIG_INVALID', `cache: per is '${String(per)}'; it is 'tenant' or 'user'`)
  return policy({ kind: 'cache', of: model, ttlMs: positiveMs('cache', 'ttl', ttl), ...(similar === undefined ? {} : { similar }), per, max })
}

export interface LimitOptions {
  /** In any stretch of a minute, over all processes on one store. */
  requestsPerMinute?: number | undefined
  /** The same, of input and output together: estimated before a call, put right after it. */
  tokensPerMinute?: number | undefined
  /** Calls at once, in this process. */
  concurrency?: number | undefined
  /** A call that would wait longer has failed with MODEL_RATE_LIMITED at once, so that the next model of the chain is asked. Default: it waits. */
  maxWait?: Duration | undefined
  /** Limits of one name are one limit. Default: what the declaration says, so that the same declaration is the same limit wherever it stands. */
  name?: string | undefined
}

const LIMIT_OPTIONS: Declared<LimitOptions> = { requestsPerMinute: true, tokensPerMinute: true, concurrency: true, maxWait: true, name: true }

/**
 * Asks `model` no oftener than it may be. Calls over the limit wait, tenants and in them runs taking turns, and hold nothing of their budget meanwhile; a wait ends
 * with the run, or its deadline.
 * @throws CONFIG_INVALID
 * @example limit('openai/gpt-5-mini', { requestsPerMinute: 500, tokensPerMinute: 200_000 })
 */
export function limit(model: ModelLike, o: LimitOptions): Model {
  checkOptions('limit()', o, LIMIT_OPTIONS)
  const { requestsPerMinute, tokensPerMinute, concurrency, maxWait, name } = o
  const limits = { requestsPerMinute, tokensPerMinute, concurrency }
  const said = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as Partial<Record<keyof typeof limits, number>>
  for (const [each, value] of Object.entries(said))
    if (!Number.isInteger(value) || value < 1) throw new TuttiError('CONFIG_INVALID', `limit: ${each} is ${value}; it is a whole number of 1 or more`)
  if (Object.keys(said).length === 0)
    throw new TuttiError('CONFIG_INVALID', 'limit: nothing is limited; give `requestsPerMinute`, `tokensPerMinute` or `concurrency`')
  const maxWaitMs = maxWait === undefined ? undefined : durationMs(maxWait, 'limit: maxWait')
  return policy({ kind: 'limit', of: model, ...said, ...(maxWaitMs === undefined ? {} : { maxWaitMs }), ...(name === undefined ? {} : { name }) })
}

/** @throws CONFIG_INVALID for a policy around what is no model */
function policy(body: Policy): PolicyModel {
  // In a list and in an agent the model of the environment is meant by leaving it out; here a variable is that has no value.
  if (body.of === undefined) throw new TuttiError('CONFIG_INVALID', `${body.kind}() was given no model`, { hint: `${body.kind}('openai/gpt-5-mini', { … })` })
  checkModelsOf(`the model of ${body.kind}()`, body.of)
  return { '~model': body.kind, '~policy': body }
}

/** A time in which nothing could happen is a slip. */
function positiveMs(what: string, name: string, duration: Duration): number {
  const ms = durationMs(duration, `${what}: ${name}`)
  if (ms > 0) return ms
  throw new TuttiError('CONFIG_INVALID', `${what}: ${name} is ${ms}; it is more than 0`)
}

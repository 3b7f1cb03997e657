/**
 * The package of a provider as writer of requests and reader of answers, with nothing sent: its `fetch` keeps the one, or gives the other. So a batch holds exactly what
 * a call would have sent, and its answers are read as those of calls are.
 */
import { TuttiError } from '../../errors/index.ts'
import type { Candidate, CandidateContext, FailedAnswer, ModelRequest, RawAnswer } from '../model.port.ts'

type Fetch = typeof globalThis.fetch
/** A candidate of the model whose package uses this `fetch`. */
export type Wired = (fetch: Fetch) => Promise<Candidate>

/** @throws MODEL_UNSUPPORTED when the package sends something in another way, and what it refuses the request with */
export async function written(wired: Wired, request: ModelRequest, context: CandidateContext): Promise<{ readonly url: string; readonly body: string }> {
  let kept: { url: string; body: string } | undefined
  const keep = (async (url: unknown, init?: { body?: unknown }) => {
    kept = { url: String(url), body: String(init?.body ?? '') }
    return new Response('{}', { status: 499 })
  }) as unknown as Fetch
  const candidate = await wired(keep)
  try {
    await candidate.generate(request, context)
  } catch (error) {
    if (!kept) throw error
  }
  if (kept) return kept
  throw new TuttiError('MODEL_UNSUPPORTED', `the package of ${candidate.id} sends its requests in a way that batches cannot follow`)
}

/** @throws a TuttiError of the MODEL family, as the same answer to a call would */
export async function read(
  wired: Wired,
  request: ModelRequest,
  context: CandidateContext,
  answer: { readonly status: number; readonly body: string },
): Promise<RawAnswer | FailedAnswer> {
  const give = (async () => new Response(answer.body, { status: answer.status, headers: { 'content-type': 'application/json' } })) as unknown as Fetch
  return (await wired(give)).generate(request, context)
}

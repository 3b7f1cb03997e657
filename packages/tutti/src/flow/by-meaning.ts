/**
 * Routing by meaning: each branch has examples, and what a person says goes where the examples mean most nearly the same. No language model is asked.
 *
 * A branch is a centroid of its examples (centroid.ts); what is like none of them goes nowhere. Measured on CLINC150 (150 intents, 20 examples each):
 * `npm run bench -- routing`.
 */
import { TuttiError } from '../errors/index.ts'
import type { Prompt } from '../message/index.ts'
import { canonical, checkOptions, checkValue, hash128, is } from '../primitives/index.ts'
import type { Embedder } from '../retrieval/index.ts'
import type { Run } from '../run/index.ts'
import { Centroids, type Likeness } from './centroid.ts'
import type { Router } from './route.ts'
import { questionOf, routerOf } from './router.ts'

interface ByMeaningOptions {
  /** Least likeness to the nearest branch, 0 to 1: what is less like it than this is out of scope. Default 0.4. */
  readonly threshold?: number | undefined
  /** Default: MiniLM, of `@tutti/embed-minilm`. */
  readonly embed?: Pick<Embedder, 'embed'> | undefined
}

/** What is recorded of a choice. */
interface Chosen {
  readonly choice: string | null
  /** Likeness to the nearest branch, and to the one after it. */
  readonly score: number
  readonly next: { readonly branch: string; readonly score: number } | null
}

const DEFAULT_THRESHOLD = 0.4

/**
 * Chooses the branch whose examples mean most nearly what was said last; below the threshold none: `otherwise`. Recorded as the step `by`, with the likeness to the
 * nearest branch and to the next. Examples and threshold are tunables: changing them leaves what is recorded.
 *
 * Costs: one embedding a question (some 10 ms on one core), the examples once a process. @throws CONFIG_INVALID; when asked RETRIEVAL_EMBEDDER_MISSING
 * @example byMeaning({ refund: ['I want my money back', 'cancel and refund'], order: ['where is my parcel'] })
 */
export function byMeaning<K extends string>(examples: { readonly [P in K]: readonly string[] }, o: ByMeaningOptions = {}): Router<Prompt, K> {
  checkOptions<ByMeaningOptions>('byMeaning()', o, { threshold: true, embed: is.object })
  const { threshold = DEFAULT_THRESHOLD, embed } = o
  if (!(threshold >= 0 && threshold <= 1)) throw new TuttiError('CONFIG_INVALID', `byMeaning: threshold is ${threshold}; it is between 0 and 1`)
  checkValue('what byMeaning() was given', 'examples', examples, is.object)
  const branches = Object.entries(examples) as [K, readonly string[]][]
  for (const [name, said] of branches)
    if (!Array.isArray(said) || said.length === 0 || !said.every((each) => typeof each === 'string'))
      throw new TuttiError('CONFIG_INVALID', `byMeaning: the branch '${name}' has no examples`, {
        data: { branch: name },
        hint: `Give what people say who belong there: { ${JSON.stringify(name)}: ['…', '…'] }.`,
      })
  const tunable = hash128(canonical({ examples, threshold }))
  const centroids = new Centroids(branches, embed)
  return routerOf<Prompt, K>(async (input, run) => {
    const { choice } = await recorded(run, questionOf(input), tunable, async (question) => chosen(await centroids.nearest(question), threshold))
    return (choice ?? undefined) as K | undefined
  })
}

function chosen([nearest, next]: readonly Likeness[], threshold: number): Chosen {
  return { choice: nearest && nearest.score >= threshold ? nearest.branch : null, score: nearest?.score ?? 0, next: next ?? null }
}

const recorded = (run: Run, question: string, tunable: string, choose: (question: string) => Promise<Chosen>): Promise<Chosen> =>
  run['~core'].ask<Chosen>({
    name: 'by',
    kind: 'embedding',
    effect: 'read',
    fingerprint: hash128(canonical({ kind: 'by-meaning', question })),
    tunable,
    plan: () => ({ execute: async () => ({ value: await choose(question) }) }),
  })
